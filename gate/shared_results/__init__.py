"""Results shared among clones and machines. Everyone reads them; only a bot in the policy, with its key, writes them.

An entry consists of two files, in bazel-remote's layout: `ac/NAME`, a signed statement, and `cas/DIGEST`, the result.
The statement binds the result to the repository and to the result's key, which covers the check, its settings, and
everything else that decides the result. NAME is made from the repository and the key as well. So an entry is valid for
nothing else, even if it is moved.

A store isn't trusted: it may be missing, slow, full, or lying. An entry that isn't exactly right is treated as missing.
Every request must be answered within SECONDS; after one that isn't, no more requests are made.
"""
