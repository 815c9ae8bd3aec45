-- The embedding model of each workspace: the one that searches use, and the one that is being built beside it.
-- Workspaces from before there was a choice have the one that was.
create table embeddings (
    workspace text primary key, live text not null, wanted text, error text
) without rowid;
insert into embeddings (workspace, live) select distinct workspace, 'all-MiniLM-L6-v2-int8' from documents;
