create table articles (
    workspace text not null, id text not null,
    state text not null check (state in ('draft', 'published', 'proposed', 'dismissed')),
    origin text not null check (origin in ('written', 'gap', 'thread')),
    draft integer not null, live integer, revision integer not null, why text, thread_id text,
    primary key (workspace, id)
) without rowid;
create unique index articles_of_thread on articles (workspace, thread_id) where thread_id is not null;
create table article_versions (
    workspace text not null, article_id text not null, number integer not null, title text not null, text text not null,
    url text, audience text not null check (audience in ('public', 'internal')), locale text,
    wordings text not null, author text not null, at real not null, published_at real,
    primary key (workspace, article_id, number),
    foreign key (workspace, article_id) references articles on delete cascade
);
