"""Results shared among clones and machines: read by everyone, written only with the key of a bot of the policy.

An entry is two files in the layout of bazel-remote: `ac/NAME`, a signed statement, and `cas/DIGEST`, the result. The
statement binds the result to the repository and to the key of the result, which is made of the check, its settings, and
everything that decides it; NAME is made of these two as well. So an entry holds for nothing else, even if it is moved.

A store is not trusted with anything: it may be gone, slow, full, or lie. An entry that is not exactly right is as if it
were not there, every request has to be answered within SECONDS, and after one that is not, no more are made.
"""
