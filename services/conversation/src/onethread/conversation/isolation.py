"""How PostgreSQL itself keeps workspaces apart: row-level security, which also holds for whoever owns the tables.

The service works as the role `onethread_app`, which owns nothing, and names its workspace in each transaction. The
relay, the timers and the gateways' questions, which are about all workspaces, work as `onethread_system`: it sees the
outbox, the channels and the keys that sign mail (their secrets are sealed), and which workspaces there are.
"""

from __future__ import annotations

APP = "onethread_app"
SYSTEM_ROLE = "onethread_system"
ROLES = (APP, SYSTEM_ROLE)
WORKSPACE = "onethread.workspace"
ENTER = f"select set_config('{WORKSPACE}', %s, true)"
"""Names the workspace until the transaction ends."""

APPEND_ONLY = {"audit"}
ITS_OWN_ID = {"workspace"}


def make_role(role: str) -> str:
    """Roles belong to the server, not to the database: another database may have made them, even at this moment, or
    whoever runs the server did, for an owner who may not.
    """
    return f"""do $$ begin
        if not exists (select from pg_roles where rolname = '{role}') then
            create role {role} nologin nobypassrls;
        end if;
    exception when duplicate_object or unique_violation then null;
    end $$;
    do $$ begin
        grant {role} to current_user;
    exception when insufficient_privilege then
        if not pg_has_role('{role}', 'member') then raise; end if;
    end $$;
    grant usage on schema public to {role}"""


def isolate(table: str) -> list[str]:
    """Statements by which the rows of `table` are seen and written by their own workspace alone."""
    key = "id" if table in ITS_OWN_ID else "workspace_id"
    own = f"{key} = current_setting('{WORKSPACE}', true)"
    rights = "select, insert" if table in APPEND_ONLY else "select, insert, update, delete"
    return [
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy own_workspace on {table} to {APP} using ({own}) with check ({own})",
        f"grant {rights} on {table} to {APP}",
    ]


SYSTEM = (
    f"grant usage on all sequences in schema public to {APP}",
    f"create policy every_workspace on outbox to {SYSTEM_ROLE} using (true) with check (true)",
    f"create policy every_workspace on workspace for select to {SYSTEM_ROLE} using (true)",
    f"create policy every_workspace on channel for select to {SYSTEM_ROLE} using (true)",
    f"grant select, update on outbox to {SYSTEM_ROLE}",
    f"grant select on workspace, channel to {SYSTEM_ROLE}",
)


def as_role(role: str) -> str:
    """Option of a connection that works as `role`."""
    return f"-c role={role}"
