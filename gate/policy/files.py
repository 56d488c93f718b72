"""The location of the policy in a repository."""

POLICY_FILE = "gate.yaml"
SHARED = ".gate/shared-policy.yaml"
"""A copy of the extended policy, byte for byte as in the pinned commit."""
PROOF = ".gate/shared-policy.proof"
"""The pinned commit, and the trees that lead to the policy."""
STORED = (SHARED, PROOF)
