import type { Metadata } from "next";
import { PageHeader } from "../../components/ui/page.tsx";
import { Gallery } from "./gallery.tsx";

export const metadata: Metadata = { title: "Gallery" };

/** Each component of the kit in each of its states. Only in development: see `pageExtensions` in next.config.mjs. */
export default function GalleryPage() {
  return (
    <>
      <PageHeader title="Gallery" description="Each component in each of its states." />
      <Gallery now={Date.now()} />
    </>
  );
}
