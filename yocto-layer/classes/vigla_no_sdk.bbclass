# Nobody develops against a node: no SDK is made of our images. Inherited late, after the classes of the
# image that add these tasks.

deltask do_sdk_depends
deltask do_populate_sdk
deltask do_populate_sdk_ext
