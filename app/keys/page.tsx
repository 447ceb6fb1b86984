import type { Metadata } from "next";
import { CreateStore, SetKey } from "../../components/create-store.tsx";
import { Failed } from "../../components/failed.tsx";
import { KeyTable, type LockRow, LockTable, type StoreRow, StoreTable } from "../../components/key-tables.tsx";
import { paths } from "../../components/paths.ts";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { one, type PageInfo, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";

export const metadata: Metadata = { title: "Keys" };

const STORES = /* GraphQL */ `
  query KeyValueStores {
    keyValueStores(first: 100) {
      nodes {
        name
        backingStore
        internal
        count {
          value
          exact
        }
      }
    }
    keyValueLocks(first: 50) {
      nodes {
        store
        key
        holder
        fence
        expiresAt
      }
    }
  }
`;

const KEYS = /* GraphQL */ `
  query KeyValueKeys($store: String!, $first: SafeInt, $after: String, $last: SafeInt, $before: String) {
    keyValueKeys(store: $store, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        key
        expiresAt
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
  }
`;

interface Stores {
  keyValueStores: { nodes: StoreRow[] };
  keyValueLocks: { nodes: LockRow[] };
}

interface Keys {
  keyValueKeys: { nodes: { key: string; expiresAt: string | null }[]; pageInfo: PageInfo };
}

const NO_PAGES = { first: null, previous: null, next: null };

export default async function KeysPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const store = one(search, "store");
  const [stores, keys] = await Promise.all([
    load<Stores>(STORES),
    store === undefined ? null : load<Keys>(KEYS, { store, ...pageVariables(search) }),
  ]);
  const chosen = stores.ok ? stores.data.keyValueStores.nodes.find(({ name }) => name === store) : undefined;
  const internal = chosen?.internal ?? true;
  return (
    <>
      <PageHeader
        title="Keys"
        description="Key-value stores, and the locks that are held now. Values of internal stores are never shown."
        actions={<CreateStore />}
      />
      <div className="flex flex-col gap-4">
        {stores.ok ? (
          <Panel title="Stores" flush>
            <StoreTable
              rows={stores.data.keyValueStores.nodes}
              pager={NO_PAGES}
              empty={<EmptyState title="No stores yet">Programs share keys, values and locks in one.</EmptyState>}
            />
          </Panel>
        ) : (
          <Failed error={stores.error} />
        )}
        {store === undefined || keys === null ? null : (
          <Panel title={`Keys of ${store}`} flush actions={internal ? undefined : <SetKey store={store} />}>
            {keys.ok ? (
              <KeyTable
                rows={keys.data.keyValueKeys.nodes.map((row) => ({ ...row, store, internal }))}
                pager={pagerLinks(keys.data.keyValueKeys.pageInfo, search, (page) => paths.keys({ store, ...page }))}
                empty={<EmptyState title="This store is empty" />}
              />
            ) : (
              <Failed error={keys.error} />
            )}
          </Panel>
        )}
        {stores.ok ? (
          <Panel title="Locks held now" flush>
            <LockTable
              rows={stores.data.keyValueLocks.nodes}
              empty={
                <EmptyState title="Nobody holds a lock">
                  A lock shows here with its holder and how long it lasts.
                </EmptyState>
              }
            />
          </Panel>
        ) : null}
      </div>
    </>
  );
}
