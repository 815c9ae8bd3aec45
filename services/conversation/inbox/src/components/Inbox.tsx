import { useEffect } from "preact/hooks";
import { overlay } from "../keys.ts";
import { route } from "../route.ts";
import { startInbox } from "../start.ts";
import { AccountDialog } from "./AccountDialog.tsx";
import { CustomerPane } from "./CustomerPane.tsx";
import { KeySheet } from "./KeySheet.tsx";
import { MergeDialog } from "./MergeDialog.tsx";
import { Nav } from "./Nav.tsx";
import { Page } from "./Pages.tsx";
import { ThreadList } from "./ThreadList.tsx";
import { ThreadPane } from "./ThreadPane.tsx";
import { Toasts } from "./Toasts.tsx";

export function Inbox() {
  useEffect(startInbox, []);
  const { page, threadId } = route.value;
  const pane = page ? "page" : threadId ? "thread" : "list";
  return (
    <div class="inbox" data-pane={pane} data-drawer={overlay.value === "customer"}>
      <Nav />
      <main>
        {page && <Page place={page} />}
        {!page && <h1 class="hidden">Inbox</h1>}
        {!page && <ThreadList />}
        {!page && <ThreadPane />}
      </main>
      {!page && <CustomerPane />}
      <KeySheet />
      <AccountDialog />
      <MergeDialog />
      <Toasts />
    </div>
  );
}
