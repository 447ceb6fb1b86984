import type { Metadata } from "next";
import { Failed } from "../../components/failed.tsx";
import { CreateStore, SetKey } from "../../components/keys/create-store.tsx";
import { KeyTable, LockTable, StoreTable } from "../../components/keys/key-tables.tsx";
import { paths } from "../../components/paths.ts";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState, NotFoundState } from "../../components/ui/states.tsx";
import { one, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { KEYS_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Keys" };

const NO_PAGES = { first: null, previous: null, next: null };

export default async function KeysPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const store = one(search, "store");
  const query = (withKeys: boolean) => load(KEYS_PAGE, { withKeys, store: store ?? "", ...pageVariables(search) });
  const loaded = await query(store !== undefined);
  // An address may name a store that does not exist: the others are shown all the same.
  const stores = loaded.ok || store === undefined ? loaded : await query(false);
  const chosen = stores.ok ? stores.data.keyValueStores.nodes.find(({ name }) => name === store) : undefined;
  const internal = chosen?.internal ?? true;
  const keys = loaded.ok ? loaded.data.keyValueKeys : undefined;
  return (
    <>
      <PageHeader
        title="Keys"
        description="Key-value stores, and the locks held now. Values of internal stores are never shown."
        actions={<CreateStore />}
      />
      <div className="flex flex-col gap-4">
        {stores.ok ? (
          <Panel title="Stores" flush>
            <StoreTable
              rows={stores.data.keyValueStores.nodes}
              pager={NO_PAGES}
              empty={<EmptyState title="No stores yet">Programs share keys, values and locks in a store.</EmptyState>}
            />
          </Panel>
        ) : (
          <Failed error={stores.error} />
        )}
        {store === undefined ? null : (
          <Panel title={`Keys of ${store}`} flush actions={internal ? undefined : <SetKey store={store} />}>
            {keys ? (
              <KeyTable
                rows={keys.nodes.map((row) => ({ ...row, store, internal }))}
                pager={pagerLinks(keys.pageInfo, search, (page) => paths.keys({ store, ...page }))}
                empty={<EmptyState title="This store is empty" />}
              />
            ) : loaded.ok ? (
              <NotFoundState title={`There is no store ${store}`}>Nobody has created it.</NotFoundState>
            ) : (
              <Failed error={loaded.error} />
            )}
          </Panel>
        )}
        {stores.ok ? (
          <Panel title="Locks" flush>
            <LockTable
              rows={stores.data.keyValueLocks?.nodes ?? []}
              empty={<EmptyState title="No locks">Locks that are held show here, with their holders.</EmptyState>}
            />
          </Panel>
        ) : null}
      </div>
    </>
  );
}
