"use client";

import type { FormEvent } from "react";
import { Button } from "../ui/button.tsx";
import { useHold, useRefresh } from "../ui/refresh.tsx";
import { toastDone } from "../ui/toast.ts";
import { postAuth } from "./auth.ts";
import { EntryField, Refusal } from "./entry-field.tsx";
import { useAttempt } from "./use-attempt.ts";

/** Changes one's own password. All other sessions end. `email`: for the browser's store of passwords. */
export function PasswordForm({ email, least }: { email: string; least: number }) {
  const { pending, refusal, attempt } = useAttempt<"password">();
  const { refresh } = useRefresh();
  useHold(pending !== null);

  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { currentPassword, newPassword } = Object.fromEntries(new FormData(form));
    void attempt("password", async () => {
      await postAuth("change-password", { currentPassword, newPassword });
      form.reset();
      toastDone("The password is changed. Your other sessions are over.");
      refresh();
    });
  };

  return (
    <form onSubmit={send} className="flex max-w-sm flex-col gap-4">
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
        <Button type="submit" pending={pending !== null}>
          Change the password
        </Button>
      </div>
    </form>
  );
}
