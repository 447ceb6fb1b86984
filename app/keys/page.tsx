import type { Metadata } from "next";
import { ExportList } from "../../components/exports/export-list.tsx";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { CreateStore, SetKey } from "../../components/keys/create-store.tsx";
import { DeleteStore } from "../../components/keys/delete-store.tsx";
import { KeyTable, LockTable, StoreTable } from "../../components/keys/key-tables.tsx";
import { PageQuery } from "../../components/page-query.tsx";
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
  const variables = { withKeys: store !== undefined, store: store ?? "", ...pageVariables(search) };
  // An address may name a store that does not exist: the others are shown all the same.
  const loaded = await load(KEYS_PAGE, variables, ["keyValueKeys", "keyValueLocks"]);
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title="Keys" />
        <Failed error={loaded.error} />
      </>
    );
  }
  const { keyValueStores: stores, keyValueKeys: keys, keyValueLocks: locks } = loaded.data;
  const { keyValueKeys: keysFailure, keyValueLocks: locksFailure } = loaded.failures;
  const internal = stores.nodes.find(({ name }) => name === store)?.internal ?? true;
  return (
    <>
      <PageHeader
        title="Keys"
        description="Key-value stores, and the locks held now. Values of internal stores are never shown."
        actions={
          <>
            <PageQuery document={textOf(KEYS_PAGE)} variables={variables} />
            <CreateStore />
          </>
        }
      />
      <div className="flex flex-col gap-4">
        <Panel title="Stores" flush actions={<ExportList list="key-value-stores" of="stores" />}>
          <StoreTable
            rows={stores.nodes}
            pager={NO_PAGES}
            empty={<EmptyState title="No stores yet">Programs share keys, values and locks in a store.</EmptyState>}
          />
        </Panel>
        {store === undefined ? null : (
          <Panel
            title={`Keys of ${store}`}
            flush
            actions={
              <>
                {keys ? <ExportList list="key-value-keys" of="keys" variables={{ store }} /> : null}
                {internal ? null : <SetKey store={store} />}
              </>
            }
          >
            {keys ? (
              <KeyTable
                rows={keys.nodes.map((row) => ({ ...row, store, internal }))}
                pager={pagerLinks(keys.pageInfo, search, (page) => paths.keys({ store, ...page }))}
                empty={<EmptyState title="This store is empty" />}
              />
            ) : keysFailure ? (
              <Failed error={keysFailure} />
            ) : (
              <NotFoundState title={`There is no store ${store}`}>Nobody has created it.</NotFoundState>
            )}
          </Panel>
        )}
        {store === undefined || internal ? null : (
          <Panel title="Danger zone">
            <DeleteStore store={store} />
          </Panel>
        )}
        <Panel title="Locks" flush actions={locks ? <ExportList list="key-value-locks" of="locks" /> : undefined}>
          {locks ? (
            <LockTable
              rows={locks.nodes}
              empty={<EmptyState title="No locks">Locks that are held show here, with their holders.</EmptyState>}
            />
          ) : locksFailure ? (
            <Failed error={locksFailure} />
          ) : null}
        </Panel>
      </div>
    </>
  );
}
