alter table documents rename column origin to source;
alter table documents add column page text;
create index documents_of_page on documents (workspace, source, page);
create table sources (
    workspace text not null, id text not null,
    kind text not null check (kind in ('api', 'folder', 'upload', 'website', 'git')),
    name text not null, location text, options text not null default '{}',
    audience text not null check (audience in ('public', 'internal')), locale text, every integer,
    syncing integer not null default 0, total integer not null default 0, read integer not null default 0,
    failed integer not null default 0, failures integer not null default 0, reason text, mark text,
    last_synced real, next_sync real,
    primary key (workspace, id)
) without rowid;
create table pages (
    workspace text not null, source text not null, key text not null,
    state text not null check (state in ('waiting', 'read', 'failed', 'skipped')), reason text, url text,
    content_hash text, etag text, last_modified text, last_read real,
    primary key (workspace, source, key),
    foreign key (workspace, source) references sources on delete cascade
) without rowid;
create table uploads (
    workspace text not null, source text not null, key text not null, media_type text, content blob not null,
    primary key (workspace, source, key),
    foreign key (workspace, source, key) references pages on delete cascade
);
insert into sources (workspace, id, kind, name, audience)
select distinct workspace, source, source, iif(source = 'api', 'Sent by API', 'Folder on the server'), 'public' from documents;
