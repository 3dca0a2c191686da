/* A stand-in for the kernel's V4L2, preloaded into the real daemon by tests.
 *
 * VIGLA_SHIM names a folder. A file `dev/videoN` in it is a camera: it is plugged in while the
 * file exists, and its lines say what it is and what is wrong with it just now:
 *
 *   card NAME                         what it calls itself
 *   format MJPG 640x480 30 15         a format, a size, rates; any number of these lines
 *   control ID TYPE MIN MAX STEP DEFAULT NAME
 *   pad BYTES                         YUYV lines are padded by so many bytes
 *   fault WORD                        eio, short, wrong-size, flagged, no-formats, busy, denied,
 *                                     stall, bad-index, frozen, black, metadata
 *
 * The file is read again at each picture, so a test changes faults while pictures flow. MJPEG
 * frames are the files of `frames/WxH`; YUYV is drawn. An open camera is a timerfd that ticks at
 * the frame rate, so poll works by itself. The Rust crate `v4l` calls syscall(SYS_ioctl, ...), so
 * syscall is caught as well as ioctl.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { CAMERAS = 16, FORMATS = 16, RATES = 8, CONTROLS = 16, BUFFERS = 8, FRAMES = 64 };

struct format {
    unsigned fourcc, width, height, rates[RATES], rate_count;
};

struct control {
    unsigned id, type;
    long minimum, maximum, step, initial;
    char name[64];
};

/* What the file of a camera says. */
struct sheet {
    char card[32], fault[32];
    struct format formats[FORMATS];
    struct control controls[CONTROLS];
    unsigned format_count, control_count, pad;
};

struct frame {
    unsigned char *bytes;
    size_t length;
};

/* An open camera. */
struct camera {
    int fd, memory;
    char path[512];
    unsigned fourcc, width, height, rate, buffer_bytes, buffers;
    int queue[BUFFERS], queued;
    unsigned sequence;
    unsigned char *base;
    struct frame frames[FRAMES];
    unsigned frame_count;
    long values[CONTROLS];
    int values_known;
};

static struct camera cameras[CAMERAS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[512];
static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static int (*real_ioctl)(int, unsigned long, ...);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);
static long (*real_syscall)(long, ...);

static int ready;

/* Also called by whoever comes before the constructor runs. */
__attribute__((constructor)) static void start(void)
{
    const char *name = getenv("VIGLA_SHIM");
    if (ready)
        return;
    for (int i = 0; i < CAMERAS; i++)
        cameras[i].fd = -1;
    ready = 1;
    snprintf(folder, sizeof folder, "%s", name ? name : "/nonexistent");
    real_open = dlsym(RTLD_NEXT, "open");
    real_openat = dlsym(RTLD_NEXT, "openat");
    real_close = dlsym(RTLD_NEXT, "close");
    real_ioctl = dlsym(RTLD_NEXT, "ioctl");
    real_mmap = dlsym(RTLD_NEXT, "mmap");
    real_syscall = dlsym(RTLD_NEXT, "syscall");
}

static struct camera *of(int fd)
{
    start();
    for (int i = 0; fd >= 0 && i < CAMERAS; i++)
        if (cameras[i].fd == fd)
            return &cameras[i];
    return NULL;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

/* Reads a file whole; NULL when it is not there. */
static unsigned char *slurp(const char *path, size_t *length)
{
    int fd = real_open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    off_t size = lseek(fd, 0, SEEK_END);
    unsigned char *bytes = malloc((size_t)size + 1);
    ssize_t count = pread(fd, bytes, (size_t)size, 0);
    real_close(fd);
    *length = count > 0 ? (size_t)count : 0;
    bytes[*length] = 0;
    return bytes;
}

static void read_format(struct sheet *sheet, const char *line)
{
    struct format *format = &sheet->formats[sheet->format_count];
    char code[5] = "";
    int at = 0;
    if (sheet->format_count == FORMATS || sscanf(line, "%4s %ux%u%n", code, &format->width, &format->height, &at) < 3)
        return;
    format->fourcc = v4l2_fourcc(code[0], code[1], code[2], code[3]);
    unsigned rate;
    int step;
    format->rate_count = 0;
    while (format->rate_count < RATES && sscanf(line + at, "%u%n", &rate, &step) == 1) {
        format->rates[format->rate_count++] = rate;
        at += step;
    }
    sheet->format_count++;
}

static void read_control(struct sheet *sheet, const char *line)
{
    struct control *control = &sheet->controls[sheet->control_count];
    if (sheet->control_count < CONTROLS &&
        sscanf(line, "%x %x %ld %ld %ld %ld %63[^\n]", &control->id, &control->type, &control->minimum,
               &control->maximum, &control->step, &control->initial, control->name) == 7)
        sheet->control_count++;
}

/* Reads what a camera is now; 0 when it is unplugged. */
static int look(const char *path, struct sheet *sheet)
{
    size_t length;
    char *text = (char *)slurp(path, &length), *rest = text, *line;
    memset(sheet, 0, sizeof *sheet);
    if (!text)
        return 0;
    while ((line = strsep(&rest, "\n"))) {
        sscanf(line, "card %31[^\n]", sheet->card);
        sscanf(line, "fault %31s", sheet->fault);
        sscanf(line, "pad %u", &sheet->pad);
        if (!strncmp(line, "format ", 7))
            read_format(sheet, line + 7);
        if (!strncmp(line, "control ", 8))
            read_control(sheet, line + 8);
    }
    free(text);
    return 1;
}

static int has(const struct sheet *sheet, const char *fault)
{
    return !strcmp(sheet->fault, fault);
}

/* ---- frames ---- */

static void forget_frames(struct camera *camera)
{
    for (unsigned i = 0; i < camera->frame_count; i++)
        free(camera->frames[i].bytes);
    camera->frame_count = 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_frames(struct camera *camera)
{
    char path[1200];
    struct dirent **names;
    snprintf(path, sizeof path, "%s/frames/%ux%u", folder, camera->width, camera->height);
    forget_frames(camera);
    int count = scandir(path, &names, NULL, by_name);
    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.' && camera->frame_count < FRAMES) {
            char file[1600];
            snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
            struct frame *frame = &camera->frames[camera->frame_count];
            frame->bytes = slurp(file, &frame->length);
            camera->frame_count += frame->bytes != NULL;
        }
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

static unsigned draw_yuyv(const struct camera *camera, const struct sheet *sheet, unsigned char *to)
{
    unsigned stride = camera->width * 2 + sheet->pad;
    unsigned phase = has(sheet, "frozen") ? 0 : camera->sequence;
    for (unsigned y = 0; y < camera->height; y++)
        for (unsigned x = 0; x < camera->width; x++) {
            to[y * stride + 2 * x] = has(sheet, "black") ? 2 : (unsigned char)(60 + (x + 5 * phase) % 160);
            to[y * stride + 2 * x + 1] = 128;
        }
    return stride * camera->height;
}

static unsigned fill(const struct camera *camera, const struct sheet *sheet, unsigned char *to)
{
    unsigned used;
    if (camera->fourcc == V4L2_PIX_FMT_YUYV) {
        used = draw_yuyv(camera, sheet, to);
    } else if (has(sheet, "wrong-size")) {
        /* A good JPEG of a size that was not agreed. */
        char path[1200];
        size_t length = 0;
        snprintf(path, sizeof path, "%s/frames/wrong.jpg", folder);
        unsigned char *bytes = slurp(path, &length);
        used = length < camera->buffer_bytes ? (unsigned)length : 0;
        memcpy(to, bytes ? bytes : to, used);
        free(bytes);
    } else if (camera->frame_count) {
        unsigned at = has(sheet, "frozen") ? 0 : camera->sequence % camera->frame_count;
        used = (unsigned)camera->frames[at].length;
        memcpy(to, camera->frames[at].bytes, used);
    } else {
        used = 0;
    }
    return has(sheet, "short") ? used / 3 : used;
}

/* ---- ioctls ---- */

static int enumerate(const struct sheet *sheet, unsigned long request, void *argument)
{
    /* Formats are listed once for each code, in the order of the file. */
    unsigned codes[FORMATS], count = 0;
    for (unsigned i = 0; i < sheet->format_count; i++) {
        unsigned known = 0;
        for (unsigned k = 0; k < count; k++)
            known |= codes[k] == sheet->formats[i].fourcc;
        if (!known)
            codes[count++] = sheet->formats[i].fourcc;
    }
    if (request == VIDIOC_ENUM_FMT) {
        struct v4l2_fmtdesc *format = argument;
        if (has(sheet, "no-formats") || format->index >= count)
            return fail(EINVAL);
        format->pixelformat = codes[format->index];
        return 0;
    }
    unsigned index = 0;
    for (unsigned i = 0; i < sheet->format_count; i++) {
        const struct format *format = &sheet->formats[i];
        if (request == VIDIOC_ENUM_FRAMESIZES) {
            struct v4l2_frmsizeenum *size = argument;
            if (format->fourcc == size->pixel_format && index++ == size->index) {
                size->type = V4L2_FRMSIZE_TYPE_DISCRETE;
                size->discrete.width = format->width;
                size->discrete.height = format->height;
                return 0;
            }
        } else {
            struct v4l2_frmivalenum *interval = argument;
            if (format->fourcc == interval->pixel_format && format->width == interval->width &&
                format->height == interval->height && interval->index < format->rate_count) {
                interval->type = V4L2_FRMIVAL_TYPE_DISCRETE;
                interval->discrete.numerator = 1;
                interval->discrete.denominator = format->rates[interval->index];
                return 0;
            }
        }
    }
    return fail(EINVAL);
}

static int set_format(struct camera *camera, const struct sheet *sheet, struct v4l2_format *format)
{
    const struct format *best = NULL;
    struct v4l2_pix_format *pix = &format->fmt.pix;
    for (unsigned i = 0; i < sheet->format_count; i++) {
        const struct format *offer = &sheet->formats[i];
        if (!best || (offer->fourcc == pix->pixelformat && offer->width == pix->width && offer->height == pix->height))
            best = offer;
    }
    if (!best || camera->buffers)
        return fail(best ? EBUSY : EINVAL);
    camera->fourcc = pix->pixelformat = best->fourcc;
    camera->width = pix->width = best->width;
    camera->height = pix->height = best->height;
    pix->field = V4L2_FIELD_NONE;
    pix->bytesperline = best->fourcc == V4L2_PIX_FMT_YUYV ? best->width * 2 + sheet->pad : 0;
    pix->sizeimage = (best->width * 2 + sheet->pad) * best->height;
    /* A colour space that no version of any library knows. */
    pix->colorspace = 77;
    camera->buffer_bytes = (pix->sizeimage + 4095) & ~4095u;
    load_frames(camera);
    return 0;
}

static int request_buffers(struct camera *camera, const struct sheet *sheet, struct v4l2_requestbuffers *request)
{
    if (request->count && has(sheet, "busy"))
        return fail(EBUSY);
    if (request->count > BUFFERS)
        request->count = BUFFERS;
    size_t length = (size_t)camera->buffer_bytes * BUFFERS;
    if (camera->base)
        munmap(camera->base, length);
    camera->base = NULL;
    camera->buffers = request->count;
    camera->queued = 0;
    if (!request->count)
        return 0;
    if (camera->memory < 0)
        camera->memory = memfd_create("camera", MFD_CLOEXEC);
    if (ftruncate(camera->memory, (off_t)length))
        return -1;
    camera->base = real_mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, camera->memory, 0);
    return camera->base == MAP_FAILED ? -1 : 0;
}

static int describe_buffer(const struct camera *camera, struct v4l2_buffer *buffer)
{
    if (buffer->index >= camera->buffers)
        return fail(EINVAL);
    buffer->length = camera->buffer_bytes;
    buffer->m.offset = buffer->index * camera->buffer_bytes;
    return 0;
}

static int give_buffer(struct camera *camera, const struct v4l2_buffer *buffer)
{
    if (buffer->index >= camera->buffers || camera->queued == BUFFERS)
        return fail(EINVAL);
    camera->queue[camera->queued++] = (int)buffer->index;
    return 0;
}

static int take_buffer(struct camera *camera, const struct sheet *sheet, struct v4l2_buffer *buffer)
{
    unsigned long ticks;
    if (read(camera->fd, &ticks, sizeof ticks) != sizeof ticks || has(sheet, "stall") || !camera->queued)
        return fail(EAGAIN);
    if (has(sheet, "eio"))
        return fail(EIO);
    camera->sequence += (unsigned)ticks;
    unsigned index = (unsigned)camera->queue[0];
    memmove(camera->queue, camera->queue + 1, (size_t)--camera->queued * sizeof camera->queue[0]);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    buffer->index = has(sheet, "bad-index") ? 99 : index;
    buffer->bytesused = fill(camera, sheet, camera->base + (size_t)index * camera->buffer_bytes);
    buffer->flags = V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->flags |= has(sheet, "flagged") ? V4L2_BUF_FLAG_ERROR : 0;
    buffer->sequence = camera->sequence;
    buffer->length = camera->buffer_bytes;
    buffer->timestamp.tv_sec = now.tv_sec;
    buffer->timestamp.tv_usec = now.tv_nsec / 1000;
    return 0;
}

static int tick(const struct camera *camera, int on)
{
    unsigned rate = camera->rate ? camera->rate : 30;
    struct itimerspec spec = {{0, 0}, {0, 0}};
    if (on)
        spec.it_interval.tv_nsec = spec.it_value.tv_nsec = 1000000000 / rate - (rate == 1);
    return timerfd_settime(camera->fd, 0, &spec, NULL);
}

static int query_control(const struct sheet *sheet, struct v4l2_query_ext_ctrl *query)
{
    unsigned after = query->id & ~(V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND);
    const struct control *next = NULL;
    for (unsigned i = 0; i < sheet->control_count; i++) {
        const struct control *control = &sheet->controls[i];
        if (control->id > after && (!next || control->id < next->id))
            next = control;
    }
    if (!next)
        return fail(EINVAL);
    memset(query, 0, sizeof *query);
    query->id = next->id;
    query->type = next->type;
    query->minimum = next->minimum;
    query->maximum = next->maximum;
    query->step = (unsigned long)next->step;
    query->default_value = next->initial;
    memcpy(query->name, next->name, 31);
    return 0;
}

static int use_control(struct camera *camera, const struct sheet *sheet, struct v4l2_ext_controls *list, int set)
{
    for (unsigned i = 0; list->count == 1 && i < sheet->control_count; i++) {
        if (sheet->controls[i].id != list->controls[0].id)
            continue;
        for (unsigned k = 0; !camera->values_known && k < sheet->control_count; k++)
            camera->values[k] = sheet->controls[k].initial;
        camera->values_known = 1;
        if (set)
            camera->values[i] = list->controls[0].value;
        else
            list->controls[0].value = (int)camera->values[i];
        return 0;
    }
    return fail(EINVAL);
}

static int answer(struct camera *camera, unsigned long request, void *argument)
{
    struct sheet sheet;
    if (!look(camera->path, &sheet))
        return fail(ENODEV);
    switch ((unsigned)request) {
    case (unsigned)VIDIOC_QUERYCAP: {
        struct v4l2_capability *capability = argument;
        memcpy(capability->card, sheet.card, sizeof capability->card);
        capability->device_caps = V4L2_CAP_STREAMING
            | (has(&sheet, "metadata") ? V4L2_CAP_META_CAPTURE : V4L2_CAP_VIDEO_CAPTURE);
        capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case (unsigned)VIDIOC_ENUM_FMT:
    case (unsigned)VIDIOC_ENUM_FRAMESIZES:
    case (unsigned)VIDIOC_ENUM_FRAMEINTERVALS:
        return enumerate(&sheet, (unsigned)request, argument);
    case (unsigned)VIDIOC_S_FMT:
        return set_format(camera, &sheet, argument);
    case (unsigned)VIDIOC_G_INPUT:
        *(int *)argument = 0;
        return 0;
    case (unsigned)VIDIOC_S_INPUT:
        return *(int *)argument ? fail(EINVAL) : 0;
    case (unsigned)VIDIOC_S_PARM: {
        struct v4l2_captureparm *capture = &((struct v4l2_streamparm *)argument)->parm.capture;
        struct v4l2_fract *interval = &capture->timeperframe;
        capture->capability = V4L2_CAP_TIMEPERFRAME;
        camera->rate = interval->numerator ? interval->denominator / interval->numerator : 30;
        return 0;
    }
    case (unsigned)VIDIOC_REQBUFS:
        return request_buffers(camera, &sheet, argument);
    case (unsigned)VIDIOC_QUERYBUF:
        return describe_buffer(camera, argument);
    case (unsigned)VIDIOC_QBUF:
        return give_buffer(camera, argument);
    case (unsigned)VIDIOC_DQBUF:
        return take_buffer(camera, &sheet, argument);
    case (unsigned)VIDIOC_STREAMON:
    case (unsigned)VIDIOC_STREAMOFF:
        return tick(camera, (unsigned)request == (unsigned)VIDIOC_STREAMON);
    case (unsigned)VIDIOC_QUERY_EXT_CTRL:
        return query_control(&sheet, argument);
    case (unsigned)VIDIOC_G_EXT_CTRLS:
    case (unsigned)VIDIOC_S_EXT_CTRLS:
        return use_control(camera, &sheet, argument, (unsigned)request == (unsigned)VIDIOC_S_EXT_CTRLS);
    default:
        return fail(ENOTTY);
    }
}

/* ---- what is caught ---- */

static int is_ours(const char *path)
{
    char prefix[600];
    start();
    int length = snprintf(prefix, sizeof prefix, "%s/dev/video", folder);
    return path && !strncmp(path, prefix, (size_t)length);
}

static int plug(const char *path)
{
    struct sheet sheet;
    if (!look(path, &sheet))
        return fail(ENOENT);
    if (has(&sheet, "denied"))
        return fail(EACCES);
    pthread_mutex_lock(&lock);
    struct camera *camera = NULL;
    for (int i = 0; i < CAMERAS && !camera; i++)
        if (cameras[i].fd < 0)
            camera = &cameras[i];
    int fd = camera ? timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC) : fail(EMFILE);
    if (fd >= 0) {
        memset(camera, 0, sizeof *camera);
        snprintf(camera->path, sizeof camera->path, "%s", path);
        camera->memory = -1;
        camera->fd = fd;
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

static int ask(int fd, unsigned long request, void *argument, int *result)
{
    pthread_mutex_lock(&lock);
    struct camera *camera = of(fd);
    if (camera)
        *result = answer(camera, request, argument);
    pthread_mutex_unlock(&lock);
    return camera != NULL;
}

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    int mode = va_arg(list, int);
    va_end(list);
    return is_ours(path) ? plug(path) : real_open(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    int mode = va_arg(list, int);
    va_end(list);
    return open(path, flags | O_LARGEFILE, mode);
}

int openat(int at, const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    int mode = va_arg(list, int);
    va_end(list);
    return is_ours(path) ? plug(path) : real_openat(at, path, flags, mode);
}

int close(int fd)
{
    pthread_mutex_lock(&lock);
    struct camera *camera = of(fd);
    if (camera) {
        forget_frames(camera);
        if (camera->base)
            munmap(camera->base, (size_t)camera->buffer_bytes * BUFFERS);
        if (camera->memory >= 0)
            real_close(camera->memory);
        camera->fd = -1;
    }
    pthread_mutex_unlock(&lock);
    return real_close(fd);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    int result = 0;
    return ask(fd, request, argument, &result) ? result : real_ioctl(fd, request, argument);
}

long syscall(long number, ...)
{
    va_list list;
    long a[6];
    int result = 0;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    start();
    if (number == SYS_ioctl && ask((int)a[0], (unsigned long)a[1], (void *)a[2], &result))
        return result;
    return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    struct camera *camera = of(fd);
    return real_mmap(address, length, protection, flags, camera ? camera->memory : fd, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    return mmap(address, length, protection, flags, fd, offset);
}
