//! `/proc/stat`, `/proc/loadavg` and the clocks of the cores.

use super::page::{Kind, Page};
use super::probe::Probe;

/// The columns of a `cpu` line after its name, in ticks.
const MODES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];
/// Ticks per second in `/proc/stat`: `USER_HZ`, 100 on every platform of ours.
const TICKS: f64 = 100.0;
const FOLDER: &str = "/sys/devices/system/cpu";

/// What `/proc/stat` says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stat<'a> {
    /// Seconds of each core by [`MODES`], then of guests: user, nice.
    pub cores: Vec<(&'a str, [f64; 10])>,
    /// Seconds since 1970 when the machine started.
    pub boot: Option<u64>,
    /// Context switches.
    pub switches: Option<u64>,
    /// Processes made.
    pub forks: Option<u64>,
    /// Interrupts served.
    pub interrupts: Option<u64>,
    /// Processes that run now.
    pub running: Option<u64>,
    /// Processes that wait for a disk now.
    pub blocked: Option<u64>,
}

impl<'a> Stat<'a> {
    /// Reads `/proc/stat`; what is damaged is left out.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let mut stat = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let Some(name) = words.next() else { continue };
            let field = match name {
                "btime" => &mut stat.boot,
                "ctxt" => &mut stat.switches,
                "processes" => &mut stat.forks,
                "intr" => &mut stat.interrupts,
                "procs_running" => &mut stat.running,
                "procs_blocked" => &mut stat.blocked,
                _ => {
                    stat.cores.extend(core(name, words));
                    continue;
                }
            };
            *field = words.next().and_then(|word| word.parse().ok());
        }
        stat
    }

    /// Seconds that all cores worked, and seconds in all; their growth gives the load.
    #[must_use]
    pub fn busy(&self) -> (f64, f64) {
        let all: f64 = self.cores.iter().flat_map(|(_, s)| &s[..MODES.len()]).sum();
        let idle: f64 = self.cores.iter().map(|(_, s)| s[3] + s[4]).sum();
        (all - idle, all)
    }
}

/// `cpu0 10 ...`; not `cpu`, which is the sum of all.
fn core<'a>(name: &'a str, words: impl Iterator<Item = &'a str>) -> Option<(&'a str, [f64; 10])> {
    let number = name.strip_prefix("cpu").filter(|n| !n.is_empty())?;
    let mut seconds = [0.0; 10];
    for (second, word) in seconds.iter_mut().zip(words) {
        *second = word.parse::<f64>().ok()? / TICKS;
    }
    number.parse::<u32>().ok().map(|_| (number, seconds))
}

pub(super) fn write(probe: &dyn Probe, page: &mut Page) {
    if let Some(text) = probe.read("/proc/stat") {
        write_stat(&Stat::parse(&text), page);
    }
    if let Some(text) = probe.read("/proc/loadavg") {
        let names = [
            ("node_load1", "1m load average."),
            ("node_load5", "5m load average."),
            ("node_load15", "15m load average."),
        ];
        for ((name, help), load) in names.into_iter().zip(load(&text)) {
            page.gauge(name, help, Some(load));
        }
    }
    write_clocks(probe, page);
}

/// The three averages of `/proc/loadavg`, or as many as are sound.
pub fn load(text: &str) -> impl Iterator<Item = f64> {
    text.split_ascii_whitespace()
        .take(3)
        .map_while(|word| word.parse().ok())
}

fn write_stat(stat: &Stat<'_>, page: &mut Page) {
    let mut family = page.family(
        "node_cpu_seconds_total",
        Kind::Counter,
        "Seconds the CPUs spent in each mode.",
    );
    for (core, seconds) in &stat.cores {
        for (mode, seconds) in MODES.iter().zip(seconds) {
            family.put(&[("cpu", core), ("mode", mode)], seconds);
        }
    }
    let mut family = page.family(
        "node_cpu_guest_seconds_total",
        Kind::Counter,
        "Seconds the CPUs spent in guests (VMs) for each mode.",
    );
    for (core, seconds) in &stat.cores {
        for (mode, seconds) in ["user", "nice"].iter().zip(&seconds[8..]) {
            family.put(&[("cpu", core), ("mode", mode)], seconds);
        }
    }
    page.gauge(
        "node_boot_time_seconds",
        "Node boot time, in unixtime.",
        stat.boot,
    );
    let help = "Total number of context switches.";
    page.counter("node_context_switches_total", help, stat.switches);
    page.counter("node_forks_total", "Total number of forks.", stat.forks);
    let help = "Total number of interrupts serviced.";
    page.counter("node_intr_total", help, stat.interrupts);
    let help = "Number of processes in runnable state.";
    page.gauge("node_procs_running", help, stat.running);
    let help = "Number of processes blocked waiting for I/O to complete.";
    page.gauge("node_procs_blocked", help, stat.blocked);
}

/// What the kernel makes each core run at, in kHz.
fn write_clocks(probe: &dyn Probe, page: &mut Page) {
    let cores: Vec<_> = probe
        .names(FOLDER)
        .into_iter()
        .filter_map(|name| name.strip_prefix("cpu")?.parse::<u32>().ok())
        .collect();
    for (name, file, help) in [
        (
            "node_cpu_scaling_frequency_hertz",
            "scaling_cur_freq",
            "Current scaled CPU thread frequency in hertz.",
        ),
        (
            "node_cpu_scaling_frequency_min_hertz",
            "scaling_min_freq",
            "Minimum scaled CPU thread frequency in hertz.",
        ),
        (
            "node_cpu_scaling_frequency_max_hertz",
            "scaling_max_freq",
            "Maximum scaled CPU thread frequency in hertz.",
        ),
    ] {
        let mut family = page.family(name, Kind::Gauge, help);
        for core in &cores {
            let text = probe.read(&format!("{FOLDER}/cpu{core}/cpufreq/{file}"));
            if let Some(khz) = text.and_then(|text| text.trim().parse::<u64>().ok()) {
                family.put(&[("cpu", &core.to_string())], khz.saturating_mul(1000));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_lines_are_left_out() {
        let text =
            "cpu  9 9\ncpu0 100 0 50 800 50\ncpu1 x\ncpuX 1 2\nintr 77 1 2\nctxt\nbtime 12\n";
        let stat = Stat::parse(text);
        assert_eq!(stat.cores.len(), 1);
        assert_eq!(stat.cores[0].1[..4], [1.0, 0.0, 0.5, 8.0]);
        assert_eq!(stat.busy(), (1.5, 10.0));
        assert_eq!(
            (stat.interrupts, stat.switches, stat.boot),
            (Some(77), None, Some(12))
        );
    }
}
