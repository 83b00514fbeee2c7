import { useState } from "react";
import { limits } from "@om/protocol";
import { errorText } from "../errors.ts";
import { newId } from "../insecure.ts";
import { t } from "../i18n/index.ts";
import { useHere } from "./context.ts";

/** A file on its way to the server; it becomes a message when it is there. */
export interface Upload {
  key: string;
  file: File;
  problem: string | undefined;
  stop: AbortController;
}

const pictures = new Set(["image/jpeg", "image/png", "image/webp"]);

/** Files of a talk that were picked, pasted or dropped: each goes its own way, can be stopped, and tried again. */
export function useUploads(talkId: string) {
  const { api, send } = useHere();
  const [uploads, setUploads] = useState<readonly Upload[]>([]);
  const change = (key: string, edit: (one: Upload) => Upload | undefined): void =>
    setUploads((all) => all.flatMap((one) => (one.key === key ? (edit(one) ?? []) : one)));
  async function run(upload: Upload): Promise<void> {
    const { key, file, stop } = upload;
    try {
      const { url } = await api.uploadAttachment({ file, signal: stop.signal });
      change(key, () => undefined);
      send(talkId, url, { type: pictures.has(file.type) ? "image" : "file" });
    } catch (error) {
      if (!stop.signal.aborted) change(key, (one) => ({ ...one, problem: errorText(error) }));
    }
  }
  function begin(file: File): void {
    const problem = file.size > limits.attachmentBytes ? t("fileTooLarge") : undefined;
    const upload = { key: newId(), file, problem, stop: new AbortController() };
    setUploads((all) => [...all, upload]);
    if (problem === undefined) void run(upload);
  }
  return {
    uploads,
    add: (files: Iterable<File>) => [...files].slice(0, 20).forEach(begin),
    stop(upload: Upload) {
      upload.stop.abort();
      change(upload.key, () => undefined);
    },
    retry(upload: Upload) {
      change(upload.key, (one) => ({ ...one, problem: undefined }));
      void run({ ...upload, problem: undefined });
    },
  };
}
