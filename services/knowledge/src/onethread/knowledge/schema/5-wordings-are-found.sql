alter table passages add column wording integer not null default 0;
drop view live_passages;
create view live_passages as
select p.id, p.workspace, p.document_id, p.version, v.title, p.heading_path, p.text, v.url, v.audience, v.locale,
    w.audience as wanted_audience, p.wording, p.context_path,
    substr(v.text, p.context_start + 1, p.context_end - p.context_start) as context
from passages p
join documents d on d.workspace = p.workspace and d.id = p.document_id and d.live = p.version
join versions v on v.workspace = p.workspace and v.document_id = p.document_id and v.version = p.version
join versions w on w.workspace = p.workspace and w.document_id = p.document_id and w.version = d.wanted;
-- Articles that had wordings before these were looked up are read once more.
update documents set state = 'pending', live = null where exists (
    select 1 from versions v where v.workspace = documents.workspace and v.document_id = documents.id
    and v.version = documents.wanted and v.wordings != '[]');
