import { useEffect } from "preact/hooks";
import { overlay } from "../keys.ts";
import { route } from "../route.ts";
import { startInbox } from "../start.ts";
import { AccountDialog } from "./AccountDialog.tsx";
import { CustomerPane } from "./CustomerPane.tsx";
import { KeySheet } from "./KeySheet.tsx";
import { MergeDialog } from "./MergeDialog.tsx";
import { Nav } from "./Nav.tsx";
import { ThreadList } from "./ThreadList.tsx";
import { ThreadPane } from "./ThreadPane.tsx";
import { Toasts } from "./Toasts.tsx";

export function Inbox() {
  useEffect(startInbox, []);
  return (
    <div class="inbox" data-pane={route.value.threadId ? "thread" : "list"} data-drawer={overlay.value === "customer"}>
      <Nav />
      <main>
        <h1 class="hidden">Inbox</h1>
        <ThreadList />
        <ThreadPane />
      </main>
      <CustomerPane />
      <KeySheet />
      <AccountDialog />
      <MergeDialog />
      <Toasts />
    </div>
  );
}
