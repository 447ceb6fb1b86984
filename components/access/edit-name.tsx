"use client";

import { Button } from "../ui/button.tsx";
import { Opener } from "../ui/opener.tsx";

/** Changes one's own name. */
export function EditName(props: { id: string; name: string }) {
  return (
    <Opener
      trigger={
        <Button size="small" needs="updatePerson">
          Change your name
        </Button>
      }
      load={loadForm}
      props={props}
    />
  );
}

const loadForm = () => import("./edit-name-form.tsx");
