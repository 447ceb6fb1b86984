"use client";

import { type FormEvent, useState } from "react";
import { ApiError } from "../api.ts";
import { Button } from "../ui/button.tsx";
import { useHold, useRefresh } from "../ui/refresh.tsx";
import { toastDone } from "../ui/toast.ts";
import { postAuth } from "./auth.ts";
import { EntryField, Refusal } from "./entry-field.tsx";

/** Changes one's own password. All other sessions end. `email`: for the browser's store of passwords. */
export function PasswordForm({ email, least }: { email: string; least: number }) {
  const [pending, setPending] = useState(false);
  const [refusal, setRefusal] = useState<ApiError | null>(null);
  const { refresh } = useRefresh();
  useHold(pending);

  const send = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const typed = Object.fromEntries(new FormData(form));
    setPending(true);
    setRefusal(null);
    try {
      await postAuth("change-password", {
        currentPassword: typed.currentPassword,
        newPassword: typed.newPassword,
      });
      form.reset();
      toastDone("The password is changed. Your other sessions are over.");
      refresh();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setRefusal(error);
    } finally {
      setPending(false);
    }
  };

  return (
    <form onSubmit={(event) => void send(event)} className="flex max-w-sm flex-col gap-4">
      <Refusal of={refusal} />
      <input type="hidden" name="username" autoComplete="username" value={email} readOnly />
      <EntryField name="currentPassword" type="password" label="Current password" autoComplete="current-password" />
      <EntryField
        name="newPassword"
        type="password"
        label="New password"
        autoComplete="new-password"
        minLength={least}
        description={`At least ${least} characters that are hard to guess.`}
      />
      <div>
        <Button type="submit" pending={pending}>
          Change the password
        </Button>
      </div>
    </form>
  );
}
