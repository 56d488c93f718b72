"""Approvals recorded in git: the form of a record, whose keys sign, and which decisions count. Pure."""
