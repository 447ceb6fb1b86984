"use client";

import { zodResolver } from "@hookform/resolvers/zod";
import { useRouter } from "next/navigation";
import { type ReactNode, useEffect, useId, useState } from "react";
import { type DefaultValues, type FieldValues, FormProvider, useForm, useWatch } from "react-hook-form";
import { ApiError, callFields, type Done } from "./api.ts";
import type { Document } from "./graphql.ts";
import { ShowRequest } from "./show-request.tsx";
import { Button } from "./ui/button.tsx";
import { Dialog } from "./ui/dialog.tsx";
import { useOpened } from "./ui/opener.tsx";
import { useRefresh } from "./ui/refresh.tsx";
import { toastDone } from "./ui/toast.ts";
import { visible } from "./ui/visible.tsx";
import { offerOf } from "./undo/offer.ts";
import type { z } from "./zod.ts";

interface Props<Input extends FieldValues, Output extends FieldValues, Data, Variables extends object> {
  title: string;
  description?: ReactNode;
  submitLabel: string;
  submitKind?: "primary" | "danger";
  document: Document<Data, Variables>;
  schema: z.ZodType<Output, Input>;
  defaults: DefaultValues<Input>;
  /** The mutation's variables, from values that passed the schema. `once`: the same each time that this form sends. */
  variables: (values: Output, once: string) => Variables;
  /**
   * The toast's text, from what was sent and the answer; null when another dialog tells it. Throws an ApiError when the
   * answer says that nothing was done.
   */
  done: (values: Output, data: Done<Data>) => string | null;
  /** Where to go afterwards. */
  goTo?: (values: Output, data: Done<Data>) => string;
  wide?: boolean;
  children: ReactNode;
}

/**
 * A form in a dialog that sends one mutation, once an <Opener> opened it. It is heavy: forms have files of their own.
 * The browser checks what it can while you type. What the server refuses is shown in the dialog, which stays open with
 * everything that was typed.
 */
export function FormDialog<Input extends FieldValues, Output extends FieldValues, Data, Variables extends object>(
  props: Props<Input, Output, Data, Variables>,
) {
  const { open, setOpen } = useOpened();
  const [dirty, setDirty] = useState(false);
  return (
    <Dialog
      open={open}
      onOpenChange={setOpen}
      title={props.title}
      description={props.description}
      wide={props.wide}
      unsaved={open && dirty}
    >
      {/* A new one each time, so that it opens with the values that the page has now. */}
      {open ? <Body {...props} close={() => setOpen(false)} onDirty={setDirty} /> : null}
    </Dialog>
  );
}

function Body<Input extends FieldValues, Output extends FieldValues, Data, Variables extends object>({
  schema,
  defaults,
  document,
  variables,
  done,
  goTo,
  submitLabel,
  submitKind = "primary",
  children,
  close,
  onDirty,
}: Props<Input, Output, Data, Variables> & { close: () => void; onDirty: (dirty: boolean) => void }) {
  const router = useRouter();
  const { refresh } = useRefresh();
  const form = useForm<Input, unknown, Output>({
    resolver: zodResolver(schema),
    defaultValues: defaults,
    mode: "onTouched",
  });
  const [refusal, setRefusal] = useState<ApiError | null>(null);
  const [once] = useState(randomKey);
  const formId = useId();
  const { isDirty } = form.formState;
  useEffect(() => {
    onDirty(isDirty);
    return () => onDirty(false);
  }, [isDirty, onDirty]);

  const submit = form.handleSubmit(async (values) => {
    let data: Done<Data>;
    let text: string | null;
    try {
      data = await callFields(document, variables(values, once));
      text = done(values, data);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setRefusal(error);
      return;
    }
    close();
    if (text !== null) toastDone(text, offerOf(data, refresh));
    if (goTo) router.push(goTo(values, data));
    refresh();
  });

  return (
    <FormProvider {...form}>
      <form
        id={formId}
        noValidate
        onSubmit={(event) => {
          // In React's tree the dialog is inside the page, even though it is not in the document's.
          event.stopPropagation();
          setRefusal(null);
          void submit(event);
        }}
        className="flex flex-col gap-4"
      >
        {children}
        {/* Always in sight, however long the form is; so is what the server refused. */}
        <div className="sticky -bottom-4 -mx-5 -mb-4 flex flex-wrap items-center justify-end gap-2 border-t border-line bg-surface px-5 py-3 sm:rounded-b">
          {refusal ? (
            <div
              role="alert"
              className="w-full rounded border border-danger/40 bg-danger-soft px-3 py-2 text-danger wrap-anywhere"
            >
              {visible(refusal.message)} <code className="font-mono text-xs">{refusal.code}</code>
            </div>
          ) : null}
          <div className="mr-auto">
            <LiveGraphql document={document} schema={schema} variables={(values) => variables(values, once)} />
          </div>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" kind={submitKind} pending={form.formState.isSubmitting}>
            {submitLabel}
          </Button>
        </div>
      </form>
    </FormProvider>
  );
}

/** `crypto.randomUUID` is missing where pages come over plain HTTP. */
const randomKey = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");

/** The GraphQL of what is typed so far. While that is not valid, it has no variables. */
function LiveGraphql<Input extends FieldValues, Output extends FieldValues, Data, Variables extends object>({
  document,
  schema,
  variables,
}: Pick<Props<Input, Output, Data, Variables>, "document" | "schema"> & { variables: (values: Output) => Variables }) {
  const read = schema.safeParse(useWatch());
  return <ShowRequest document={document} variables={read.success ? variables(read.data) : null} />;
}
