const paths = {
  attach: "M20 11l-8.5 8.5a5 5 0 01-7-7L13 4a3.3 3.3 0 014.7 4.7L9.3 17a1.7 1.7 0 01-2.4-2.4L14.5 7",
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  compose: "M4 20h4L19 9l-4-4L4 16v4zM13 7l4 4",
  down: "M12 5v14M5 12l7 7 7-7",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 100 6 3 3 0 000-6z",
  group:
    "M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 20a6.5 6.5 0 0113 0M16 4.3a3.5 3.5 0 010 6.4M18 14.3a6.5 6.5 0 013.5 5.7",
  archive: "M4 5h16v4H4zM5.5 9v10h13V9M10 13h4",
  mute: "M6 10a6 6 0 0112 0c0 5 2 6 2 6H8M10 20a2 2 0 004 0M4 4l16 16",
  pin: "M9 4h6l-1 6 4 4H6l4-4zM12 14v6",
  more: "M12 6h.01M12 12h.01M12 18h.01",
  retry: "M20 11a8 8 0 10-2.3 6.3M20 5v6h-6",
  search: "M11 4a7 7 0 100 14 7 7 0 000-14zM20 20l-4-4",
  send: "M5 12h13M12 5l7 7-7 7",
  up: "M12 19V5M5 12l7-7 7 7",
  smile: "M12 3a9 9 0 100 18 9 9 0 000-18zM8.5 14.5a4.5 4.5 0 007 0M9 9.5h.01M15 9.5h.01",
  talks:
    "M12 4c-5 0-9 3.1-9 7.2 0 2.3 1.2 4.3 3.1 5.6-.1 1-.6 2-1.4 2.9 1.8-.2 3.3-.7 4.4-1.6.9.2 1.9.3 2.9.3 5 0 9-3.1 9-7.2S17 4 12 4z",
} as const;

export type IconName = keyof typeof paths;

/** Stands beside a text or in a button that has a label, so it says nothing itself. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** A tick, or two, as the own message has come. */
export function TickMarks({ isDouble }: { isDouble: boolean }) {
  return (
    <svg className="ticks" viewBox="0 0 20 12" aria-hidden="true">
      <path d="M1.5 6.5l3.5 3.5L12 2" />
      {isDouble && <path d="M9 8.7L10.3 10 18 2" />}
    </svg>
  );
}
