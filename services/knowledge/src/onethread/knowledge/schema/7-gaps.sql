-- Questions of customers that found no answer, gathered by meaning. `sum` is the sum of the vectors of its questions.
-- `failed_*`: the article, and its version, that was sure to answer and did not when the question was asked last.
create table gaps (
    workspace text not null, id text not null, question text not null,
    state text not null default 'open' check (state in ('open', 'drafted', 'closed', 'ignored')),
    model text not null, sum blob not null, count integer not null, first real not null, last real not null,
    article_id text, closed real, nearest_id text, nearest_title text, nearest_version integer,
    belief real not null default 0, failed_id text, failed_version integer,
    stale integer not null default 1,
    primary key (workspace, id)
);
create index gaps_by_count on gaps (workspace, count desc, id);
create index gaps_by_last on gaps (workspace, last desc, id);
create index gaps_of_article on gaps (workspace, article_id) where article_id is not null;
create index gaps_stale on gaps (workspace, id) where stale = 1;
create index gaps_fresh on gaps (workspace) where stale = 0;
create table gap_questions (
    workspace text not null, message_id text not null, gap_id text not null, thread_id text, customer_id text,
    question text not null, kinds text not null, channel text, locale text, vector blob not null, at real not null,
    primary key (workspace, message_id),
    foreign key (workspace, gap_id) references gaps on delete cascade
);
create index gap_questions_of_gap on gap_questions (workspace, gap_id, at desc);
create index gap_questions_of_thread on gap_questions (workspace, thread_id);
create index gap_questions_of_customer on gap_questions (workspace, customer_id);
create index gap_questions_by_age on gap_questions (at);
create table gap_settings (
    workspace text primary key, proposals text not null check (proposals in ('off', 'ask'))
) without rowid;
-- Threads that a teammate closed and that had a gap: they are looked at when they are due.
create table solved_threads (
    workspace text not null, thread_id text not null, due real not null, tries integer not null default 0,
    primary key (workspace, thread_id)
) without rowid;
-- Whatever changes in search, what is covered is tested anew; whatever becomes of an article, its gap follows.
create trigger gaps_after_indexing after update of state on documents when new.state = 'indexed' begin
    update gaps set stale = 1 where workspace = new.workspace and stale = 0;
end;
create trigger gaps_after_removing after delete on documents begin
    update gaps set stale = 1 where workspace = old.workspace and stale = 0;
end;
create trigger gap_of_changed_article after update of state on articles begin
    update gaps set closed = (julianday('now') - 2440587.5) * 86400.0, state = 'closed'
        where workspace = new.workspace and article_id = new.id and state in ('open', 'drafted')
        and new.state = 'published';
    update gaps set closed = null, state = iif(new.state = 'dismissed', 'open', 'drafted')
        where workspace = new.workspace and article_id = new.id and state != 'ignored'
        and new.state != 'published' and old.state != new.state;
end;
create trigger gap_of_deleted_article after delete on articles begin
    update gaps set article_id = null, closed = null, state = iif(state = 'ignored', state, 'open')
        where workspace = old.workspace and article_id = old.id;
end;
