create table if not exists documents (
    workspace text not null, id text not null, wanted integer not null, live integer,
    state text not null check (state in ('pending', 'indexed', 'failed')), reason text, origin text not null,
    primary key (workspace, id)
) without rowid;
create table if not exists versions (
    workspace text not null, document_id text not null, version integer not null, title text not null,
    text text not null, url text, audience text not null check (audience in ('public', 'internal')), locale text,
    content_hash text not null,
    primary key (workspace, document_id, version),
    foreign key (workspace, document_id) references documents on delete cascade
);
create table if not exists passages (
    id integer primary key autoincrement,
    workspace text not null, document_id text not null, version integer not null,
    heading_path text not null, text text not null, start integer not null, end integer not null,
    context_path text not null, context_start integer not null, context_end integer not null,
    foreign key (workspace, document_id, version) references versions on delete cascade
);
create index if not exists passages_of_version on passages (workspace, document_id, version);
create index if not exists documents_pending on documents (state) where state = 'pending';
create table if not exists litter (passage_id integer primary key, workspace text not null, audience text not null);
create table if not exists outbox (
    sequence integer primary key autoincrement, event_id text not null, kind text not null, workspace text not null,
    document_id text not null, title text, version integer, passages integer
);
create trigger if not exists passage_litter before delete on passages begin
    insert into litter select old.id, old.workspace, audience from versions
    where workspace = old.workspace and document_id = old.document_id and version = old.version;
end;
create view if not exists live_passages as
select p.id, p.workspace, p.document_id, p.version, v.title, p.heading_path, p.text, v.url, v.audience,
    w.audience as wanted_audience, p.context_path,
    substr(v.text, p.context_start + 1, p.context_end - p.context_start) as context
from passages p
join documents d on d.workspace = p.workspace and d.id = p.document_id and d.live = p.version
join versions v on v.workspace = p.workspace and v.document_id = p.document_id and v.version = p.version
join versions w on w.workspace = p.workspace and w.document_id = p.document_id and w.version = d.wanted;
