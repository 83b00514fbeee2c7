-- What a search compares. Beside what it was before: digits of every kind that people mix, and forms made for printing only, are as the usual
-- ones; letters are composed again, so that what is one letter to its reader is one here. Plain text, and text in which nothing is to be
-- translated, is done in a part of the time: it is made for every message that is sent.
create or replace function fold(t text) returns text language plpgsql immutable parallel safe as $$
begin
  if octet_length(t) = length(t) then
    return lower(t collate "C");
  end if;
  t := regexp_replace(
    normalize(lower(normalize(t, nfkc) collate public.every_script), nfd),
    '[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]',
    '', 'g'
  );
  if t ~ '[\u03c2\u0131\u0142\u00f8\u0111\u0127\u064a\u0649\u06d0\u0643\u0629\u06d5\u0660-\u0669\u06f0-\u06f9\u0966-\u096f]' then
    t := translate(t, 'ςıłøđħيىېكةە٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९', 'σilodhیییکهه012345678901234567890123456789');
  end if;
  return normalize(t, nfc);
end
$$;
do $$
declare
  index text;
begin
  foreach index in array array['users_search', 'groups_search'] loop
    if to_regclass(index) is not null then
      execute 'reindex index ' || index;
    end if;
  end loop;
end
$$;

-- A text as a search compares it: its words with spaces between, and nothing else of what separates them. What is written without spaces
-- between words, and signs such as emoji, stands in pieces of its own (is_run). messages/mark-words.ts has the same ranges.
create function search_text(p_text text) returns text language plpgsql immutable parallel safe as $$
declare
  t text := public.fold(p_text);
begin
  if octet_length(t) = length(t) then
    return regexp_replace(t, '[^a-z0-9 ]', ' ', 'g');
  end if;
  return regexp_replace(
    regexp_replace(t, '[\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0edf\u1000-\u1049\u1050-\u109f\u1100-\u11ff\u1780-\u17d3\u1950-\u19df\u1a20-\u1aad\u2190-\u23ff\u2460-\u2bff\u2e80-\u2fdf\u3005-\u3007\u3021-\u302f\u3031-\u303c\u3041-\u309f\u30a1-\u30fa\u30fc-\u9fff\ua000-\ua4cf\uac00-\ud7ff\uf900-\ufaff\U0001b000-\U0001b16f\U0001f000-\U0003ffff]+', ' \& ', 'g'),
    '[\u0001-\u001f\u0021-\u002f\u003a-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b9\u00bb\u00bf\u00d7\u00f7\u037e\u0387\u055a-\u055f\u0589\u058a\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u0600-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u06dd\u06de\u06e9\u0700-\u070d\u0964\u0965\u0970\u0e3f\u0e4f\u0e5a\u0e5b\u0f04-\u0f14\u104a-\u104f\u10fb\u1360-\u1368\u1680\u16eb-\u16ed\u17d4-\u17dc\u1800-\u180e\u2000-\u206f\u20a0-\u20cf\u2400-\u245f\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u3040\u30a0\u30fb\ue000-\uf8ff\ufe10-\ufe1f\ufe30-\ufe6f\ufff0-\uffff]',
    ' ', 'g'
  );
end
$$;

create function is_run(p_word text) returns boolean language plpgsql immutable parallel safe as $$
begin
  return p_word ~ '[\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0edf\u1000-\u1049\u1050-\u109f\u1100-\u11ff\u1780-\u17d3\u1950-\u19df\u1a20-\u1aad\u2190-\u23ff\u2460-\u2bff\u2e80-\u2fdf\u3005-\u3007\u3021-\u302f\u3031-\u303c\u3041-\u309f\u30a1-\u30fa\u30fc-\u9fff\ua000-\ua4cf\uac00-\ud7ff\uf900-\ufaff\U0001b000-\U0001b16f\U0001f000-\U0003ffff]';
end
$$;

-- What is looked up of a search_text(): its words, and of a run all pairs of neighbours with its last letter alone, so that whatever stands in
-- it is the beginning of one of them. Of a word that is longer than p_letters only these.
create function search_terms(p_text text, p_letters int) returns text language plpgsql immutable parallel safe as $$
begin
  if length(p_text) <= p_letters and (octet_length(p_text) = length(p_text) or not public.is_run(p_text)) then
    return p_text;
  end if;
  return (
    select string_agg(case when public.is_run(w.word) then (
      select string_agg(p.letter || coalesce(p.follower, ''), ' ') from (
        select l.letter, lead(l.letter) over (order by l.n) as follower from unnest(string_to_array(w.word, null)) with ordinality as l(letter, n)
      ) p
    ) else left(w.word, p_letters) end, ' ')
    from unnest(string_to_array(p_text, ' ')) as w(word)
  );
end
$$;

-- The terms of 1,024 neighbours in a conversation begin alike: whoever looks for something looks where they may, and nowhere else, however much
-- of it there is elsewhere. Of a message the first 2,000 terms are found. A word that is written with joiners (Persian) is found as one and
-- by its parts.
create function message_terms(p_conversation bigint, p_seq bigint, p_content text) returns tsvector language plpgsql immutable parallel safe as $$
declare
  place text := to_hex(p_conversation) || '/' || to_hex(p_seq / 1024) || '/';
  terms text := public.search_terms(public.search_text(p_content), 200);
begin
  if octet_length(p_content) > length(p_content) and strpos(p_content, E'\u200c') > 0 then
    terms := terms || ' ' || public.search_terms(public.search_text(replace(p_content, E'\u200c', ' ')), 200);
  end if;
  return array_to_tsvector((array_remove(string_to_array(place || replace(terms, ' ', ' ' || place), ' '), place))[1:2000]);
end
$$;

-- Written at once: what waits in a list of its own is read through by every search.
create index messages_search on messages using gin (message_terms(conversation_id, seq, content)) with (fastupdate = off)
  where message_type = 'text';
