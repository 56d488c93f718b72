"""The location of the policy in a repository."""

POLICY_FILE = "gate.yaml"
SHARED = ".gate/shared-policy.yaml"
"""A copy of the policy that this one extends, byte by byte as it is at the pinned commit."""
PROOF = ".gate/shared-policy.proof"
"""The commit and the trees that lead to it."""
STORED = (SHARED, PROOF)
