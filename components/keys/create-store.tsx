"use client";

import { Plus } from "lucide-react";
import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";

export function CreateStore() {
  return (
    <Opener
      trigger={
        <Button kind="primary" needs="createKeyValueStore">
          <Plus aria-hidden />
          New store
        </Button>
      }
      load={loadStoreForm}
      props={{}}
    />
  );
}

export function SetKey({ store }: { store: string }) {
  return <Opener trigger={<Button needs="setKeyValue">Set a key</Button>} load={loadKeyForm} props={{ store }} />;
}

const loadStoreForm = () => import("./create-store-form.tsx");
const loadKeyForm = () => import("./set-key-form.tsx");
