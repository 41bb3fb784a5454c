package words_test

import (
	"errors"
	"html"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"parley/projections/words"
)

func TestWordsAreFolded(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"… — !?":                       "",
		"Hello, WORLD":                 "hello world",
		"Don't stop":                   "don t stop",
		"mail me@example.org":          "mail me example org",
		"Crème brûlée, Ångström":       "creme brulee angstrom",
		"cre\u0300me":                  "creme",
		"Straße STRASSE":               "strasse strasse",
		"Łódź, Ærø, İstanbul, ırmak":   "lodz aero istanbul irmak",
		"ΣΊΣΥΦΟΣ":                      "σισυφοσ",
		"Ёлка и йод":                   "елка и иод",
		"ｆｕｌｌ ﬁne №5 ½ ℡":              "full fine no 5 12 tel",
		"שָׁלוֹם":                      "שלום",
		"مَرْحَبًا":                    "مرحبا",
		"हिन्दी":                       "हिन्दी",
		"한국어 검색":                       "한국어 검색",
		"東京へ行く":                        "東 京 へ 行 く",
		"がぎ カﾞー":                       "が ぎ ガ ー",
		"ภาษาไทย":                      "ภ า ษ า ไ ท ย",
		"party 🎉🎉 ❤️ 👍🏽":               "party 🎉 🎉 ❤ 👍",
		"abc漢字def":                     "abc 漢 字 def",
		"\xff\xfebad\xf0":              "bad",
		"v1.26 3,5 x²":                 "v1 26 3 5 x2",
		strings.Repeat("ab", 100):      strings.Repeat("ab", 32),
		strings.Repeat("é", 100) + "x": strings.Repeat("e", 64),
	} {
		if got := strings.Join(words.Folded(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestEveryCharacterFoldsOnce(t *testing.T) {
	for r := range rune(utf8.MaxRune + 1) {
		for _, word := range words.Folded(string(r)) {
			if again := words.Folded(word); !slices.Equal(again, []string{word}) {
				t.Errorf("%U folds to %q, and that to %q", r, word, again)
			}
		}
	}
}

func TestQueriesAreParsed(t *testing.T) {
	term := func(prefix bool, of ...string) words.Term { return words.Term{Words: of, Prefix: prefix} }
	for text, want := range map[string]words.Query{
		"Hello":                {term(false, "hello")},
		" one  two ":           {term(false, "one"), term(false, "two")},
		"one one ONE":          {term(false, "one")},
		`"To be, or" not`:      {term(false, "to", "be", "or"), term(false, "not")},
		`a"b c"d`:              {term(false, "a"), term(false, "b", "c"), term(false, "d")},
		`“to be” „wohl an“`:    {term(false, "to", "be"), term(false, "wohl", "an")},
		`"not closed`:          {term(false, "not", "closed")},
		"hel*":                 {term(true, "hel")},
		`"say hel*"`:           {term(true, "say", "hel")},
		`"say hel"* now`:       {term(true, "say", "hel"), term(false, "now")},
		"me@example.or*":       {term(true, "me", "example", "or")},
		"hel*lo":               {term(false, "hel", "lo")},
		"*hello":               {term(false, "hello")},
		"東京*":                  {term(false, "東", "京")},
		"NOT (a OR b) NEAR/2":  {term(false, "not"), term(false, "a"), term(false, "or"), term(false, "b"), term(false, "near", "2")},
		`text:x ^y -z {a b}:c`: {term(false, "text", "x"), term(false, "y"), term(false, "z"), term(false, "a"), term(false, "b", "c")},
	} {
		got, err := words.Parse(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
	}
	for text, want := range map[string]error{
		"":                                  words.ErrNoWord,
		` "" * … `:                          words.ErrNoWord,
		"a*":                                words.ErrShortPrefix,
		"one é*":                            words.ErrShortPrefix,
		strings.Repeat("a b ", 8):           nil,
		"a b c d e f g h i j k l m n o p q": words.ErrTooManyWords,
	} {
		if _, err := words.Parse(text); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

func parse(t *testing.T, text string) words.Query {
	t.Helper()
	query, err := words.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return query
}

func TestQueriesMatch(t *testing.T) {
	const text = "The Café at the corner: to be, or not to be 🎉"
	for query, want := range map[string]bool{
		"cafe":               true,
		"CAFÉ corner":        true,
		"cafe missing":       false,
		`"not to be"`:        true,
		`"be not"`:           false,
		`"or no"`:            false,
		`"or no*"`:           true,
		"corn*":              true,
		"orner":              false,
		"🎉":                  true,
		`"be 🎉"`:             true,
		`"be 🎉 and then on"`: false,
	} {
		if got := parse(t, query).Match(text); got != want {
			t.Errorf("%q: %t, want %t", query, got, want)
		}
	}
}

func TestSnippetsShowTheHit(t *testing.T) {
	long := strings.Repeat("before ", 50) + "the <b>Café</b>\nis open" + strings.Repeat(" after", 50)
	for _, c := range []struct{ text, query, want string }{
		{"a café & a cafeteria", "cafe*", "a <mark>café</mark> &amp; a <mark>cafeteria</mark>"},
		{"one two three", `"one two" two three`, "<mark>one two</mark> <mark>three</mark>"},
		{"東京へ", "東京", "<mark>東京</mark>へ"},
		{"<script>alert('x')</script>", "alert", "&lt;script&gt;<mark>alert</mark>(&#39;x&#39;)&lt;/script&gt;"},
		{"nothing of it", "else", "nothing of it"},
		{long, "cafe", "…before before before before the &lt;b&gt;<mark>Café</mark>&lt;/b&gt; is open" + strings.Repeat(" after", 17) + "…"},
		{strings.Repeat("x", 300) + " end", "end", "…" + "" + "<mark>end</mark>"},
		{strings.Repeat("y", 300), "none", strings.Repeat("y", 160) + "…"},
	} {
		if got := parse(t, c.query).Snippet(c.text); got != c.want {
			t.Errorf("%q in %.40q:\n%s, want\n%s", c.query, c.text, got, c.want)
		}
	}
	if got := (words.Query)(nil).Snippet("by its author alone"); got != "by its author alone" {
		t.Errorf("without words: %s", got)
	}
}

// FuzzQuery holds what all texts and queries must keep.
func FuzzQuery(f *testing.F) {
	for _, text := range []string{"hello", `"to be"* or`, "東京 タワー*", "<mark>", "e\u0301 \xff", "İ ﬃ ǅ ŉ", "a\u0345 ͅ"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, query, text string) {
		var last words.Word
		for _, word := range words.Split(text) {
			if word.Start < last.End && word.Start != last.Start || word.End <= word.Start || word.End > len(text) || word.Folded == "" {
				t.Fatalf("%q has the word %+v", text, word)
			}
			last = word
			if again := words.Folded(word.Folded); !slices.Equal(again, []string{word.Folded}) {
				t.Errorf("%q folds to %q, and that to %q", text[word.Start:word.End], word.Folded, again)
			}
		}
		parsed, err := words.Parse(query)
		if err != nil {
			return
		}
		snippet := parsed.Snippet(text)
		bare := strings.NewReplacer("<mark>", "", "</mark>", "").Replace(snippet)
		if strings.ContainsAny(bare, "<>\"'\n") || utf8.RuneCountInString(html.UnescapeString(bare)) > 162 {
			t.Errorf("%q in %q is shown as %q", query, text, snippet)
		}
		if strings.Contains(snippet, "<mark>") && !parsed.Match(text) && len(parsed) == 1 {
			t.Errorf("%q is marked in %q, which it does not match", query, text)
		}
		if self, err := words.Parse(query); err != nil || !self.Match(strings.ReplaceAll(query, "*", " ")) && !strings.ContainsAny(query, "*") {
			t.Errorf("%q does not match itself: %v", query, err)
		}
	})
}
