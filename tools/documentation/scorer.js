// How the search ranks what it finds: pages for readers before names of the code, and those before the decisions.
var Scorer = {
  score: ([page, title, anchor, description, score]) =>
    score + (/^(tutorial|how-to)/.test(page) ? 4 : /^(decisions|source)/.test(page) ? -4 : 0),
  objNameMatch: 20,
  objPartialMatch: 3,
  objPrio: { 0: 0, 1: -2, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 10,
  term: 5,
  partialTerm: 2,
};
