import type { Shown } from "../Pages.tsx";
import { AddressesPage } from "./Addresses.tsx";
import { StoppedPage } from "./Stopped.tsx";

export const pages: Shown = { addresses: AddressesPage, stopped: StoppedPage };
