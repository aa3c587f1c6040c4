// How the search ranks what it finds: pages whose name begins as a word that was asked for, other pages for readers, names of
// the code, its attributes, and last sources and decisions.
const asked = (new URLSearchParams(location.search).get("q") ?? "").toLowerCase().match(/[a-z]{3,}/g) ?? [];
const stems = asked.map((word) => word.slice(0, Math.max(3, word.length - 1))); // retry: retries
const named = (page) => page.split("/").pop().split("-").some((part) => stems.some((stem) => part.startsWith(stem)));

var Scorer = {
  score: ([page, title, anchor, description, score]) => {
    if (/^(decisions|source)/.test(page)) return score - 12;
    if (/^Python (attribute|function|method|module|property)/.test(description)) return score - 14;
    const written = /^(tutorial|how-to|reference\/[^/]*$)/.test(page);
    return score + (written && named(page) ? 12 : 0) + (/^(tutorial|how-to)/.test(page) ? 4 : 0);
  },
  objNameMatch: 20,
  objPartialMatch: 3,
  objPrio: { 0: 0, 1: -2, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 10,
  term: 5,
  partialTerm: 2,
};
