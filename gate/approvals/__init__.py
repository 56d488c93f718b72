"""Approvals recorded in git: the format of a record, who may sign, and which decisions count. Pure."""
