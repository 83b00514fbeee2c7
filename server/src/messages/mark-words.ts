// The ranges are those of server/sql/migrations/009-message-search.sql.

/** Scripts that write no spaces between words, and signs such as emoji. */
const runLetters =
  String.raw`\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0edf\u1000-\u1049\u1050-\u109f\u1100-\u11ff\u1780-\u17d3\u1950-\u19df\u1a20-\u1aad` +
  String.raw`\u2190-\u23ff\u2460-\u2bff\u2e80-\u2fdf\u3005-\u3007\u3021-\u302f\u3031-\u303c\u3041-\u309f\u30a1-\u30fa\u30fc-\u9fff` +
  String.raw`\ua000-\ua4cf\uac00-\ud7ff\uf900-\ufaff\u{1b000}-\u{1b16f}\u{1f000}-\u{3ffff}`;

/** What separates words. */
const separators =
  String.raw` \u0001-\u001f\u0021-\u002f\u003a-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b9\u00bb\u00bf\u00d7\u00f7\u037e\u0387` +
  String.raw`\u055a-\u055f\u0589\u058a\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u0600-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u06dd\u06de\u06e9` +
  String.raw`\u0700-\u070d\u0964\u0965\u0970\u0e3f\u0e4f\u0e5a\u0e5b\u0f04-\u0f14\u104a-\u104f\u10fb\u1360-\u1368\u1680\u16eb-\u16ed` +
  String.raw`\u17d4-\u17dc\u1800-\u180e\u2000-\u206f\u20a0-\u20cf\u2400-\u245f\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u3040` +
  String.raw`\u30a0\u30fb\ue000-\uf8ff\ufe10-\ufe1f\ufe30-\ufe6f\ufff0-\uffff`;

/** Vowel points, accents, joiners, direction marks. */
const ignored =
  String.raw`\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061c\u0640\u064b-\u065f\u0670` +
  String.raw`\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff` +
  String.raw`\ufe00-\ufe0f\ufe20-\ufe2f\ufeff`;

const isRun = new RegExp(`[${runLetters}]`, "u");
const isSeparator = new RegExp(`[${separators}]`, "u");
const ignoredMarks = new RegExp(`[${ignored}]`, "gu");
/** Letters and digits that are typed for each other. */
const same = new Map(
  Array.from(
    "\u03c2\u0131\u0142\u00f8\u0111\u0127\u064a\u0649\u06d0\u0643\u0629\u06d5\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9\u0966\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e\u096f",
    (letter, i) => [letter, "\u03c3ilodh\u06cc\u06cc\u06cc\u06a9\u0647\u0647012345678901234567890123456789"[i] ?? ""],
  ),
);
/** Parts of one word may be written with it (Persian). */
const joiner = "\u200c";

/** Marks in one text at the most. */
const maxMarks = 50;

type Mark = [from: number, upTo: number];

/**
 * Where in a text the words of a search stand, which are as search_text() has them: words at the beginning of one, pieces of scripts without
 * spaces anywhere. In UTF-16 units, ascending, apart.
 */
export function markWords(content: string, words: readonly string[]): Mark[] {
  const { text, starts, ends, begins } = fold(content);
  const marks = words.flatMap((word) => {
    const letters = word.normalize("NFD");
    const anywhere = isRun.test(letters);
    const found: Mark[] = [];
    for (let at = text.indexOf(letters); at >= 0 && found.length < maxMarks; at = text.indexOf(letters, at + 1)) {
      if (anywhere || begins.has(at)) found.push([starts[at] ?? 0, ends[at + letters.length - 1] ?? 0]);
    }
    return found;
  });
  return apart(marks).slice(0, maxMarks);
}

/** A text as it is compared, where in the original each of its units begins and ends, and at which of them a word does. */
function fold(content: string) {
  let text = "";
  let inWord = false;
  const starts: number[] = [];
  const ends: number[] = [];
  const begins = new Set<number>();
  let at = 0;
  for (const letter of content) {
    const folded = foldLetter(letter);
    const isWord = folded !== "" && !isSeparator.test(folded) && !isRun.test(folded);
    if (isWord && !inWord) begins.add(text.length);
    // What is ignored neither begins nor ends a word, but for the joiner.
    if (folded !== "" || letter === joiner) inWord = isWord;
    text += folded;
    for (let i = 0; i < folded.length; i++) {
      starts.push(at);
      ends.push(at + letter.length);
    }
    at += letter.length;
    // A mark belongs to its letter.
    if (folded === "" && ends.length > 0 && letter !== joiner) ends[ends.length - 1] = at;
  }
  return { text, starts, ends, begins };
}

function foldLetter(letter: string): string {
  if (letter < "\u0080") return letter.toLowerCase();
  const plain = letter.normalize("NFKC").toLowerCase().normalize("NFD").replaceAll(ignoredMarks, "");
  return Array.from(plain, (one) => same.get(one) ?? one).join("");
}

/** In order, those that touch or overlap as one. */
function apart(marks: readonly Mark[]): Mark[] {
  const merged: Mark[] = [];
  for (const [from, upTo] of marks.toSorted(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], upTo);
    else merged.push([from, upTo]);
  }
  return merged;
}
