-- The customer's latest word on an answer, by the message that it answered: events of a changed mind come in any order.
create table gap_words (
    workspace text not null, message_id text not null, at real not null, against integer not null,
    primary key (workspace, message_id)
) without rowid;
create index gap_words_by_age on gap_words (at);
