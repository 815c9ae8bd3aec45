-- What people said of answers: the numbers that the belief was made of, and no words. `key` is the message, or a hash of
-- what was asked. The numbers mean something to `model` and to the shipped calibration `base` alone.
create table judgements (
    workspace text not null, model text not null, key text not null, base text not null, numbers text not null,
    right integer not null, origin text not null, by text, customer_id text, at real not null,
    primary key (workspace, model, key)
) without rowid;
create index judgements_of_customer on judgements (workspace, customer_id) where customer_id is not null;
create index judgements_by_age on judgements (at);
-- Calibrations that a workspace adopted. The latest that has not ended counts.
create table calibrations (
    workspace text not null, number integer not null, model text not null, base text not null, data text not null,
    intercept real not null, weights text not null, by text not null, since real not null, ended real, ended_by text,
    primary key (workspace, number)
) without rowid;
