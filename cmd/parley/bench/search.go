package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"parley/projections"
)

// searchLimit is how many hits a page of the measured searches has.
const searchLimit = 20

// Search measures searches of one's own conversations among many over HTTP,
// against a bare handler that sends the same bytes. The index is told apart by
// what it is asked: a word that nearly everybody uses, a rare one, several,
// phrases and beginnings of words; by people in a few conversations, and by one
// who is in many.
func Search(ctx context.Context, p Program, o Options) (_ *Report, err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	m := &searching{options: o}
	if m.library, err = writeLibrary(ctx, p, o, &open); err != nil {
		return nil, err
	}
	if m.parley, err = listen(ctx, p, parleySide, m.library.house.Handler); err != nil {
		return nil, err
	}
	open.add(m.parley.stop)
	kinds := m.kinds()
	samples, err := m.check(ctx, kinds)
	if err != nil {
		return nil, err
	}
	if m.control, err = listen(ctx, p, controlSide, sampleHandler(samples)); err != nil {
		return nil, err
	}
	open.add(m.control.stop)
	report := &Report{
		Benchmark: "search",
		Setting:   fmt.Sprintf("%s messages in %s conversations, %d clients, %d rounds of %s, %s", grouped(float64(o.Events), 0), grouped(float64(o.Rooms), 0), o.Clients, o.Rounds, o.bound(), machine()),
		Notes:     m.notes(),
	}
	shown := o.begin("searching", o.Rounds*len(kinds))
	defer shown.end()
	for _, kind := range kinds {
		c, err := m.measure(ctx, kind, shown)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind.name, err)
		}
		report.Comparisons = append(report.Comparisons, *c)
	}
	return report, nil
}

// searching is the measurement of searches.
type searching struct {
	options Options
	library *library
	parley  *server
	control *server
}

// kind is searches of one sort.
type kind struct {
	name string
	asks []*searchAsk
}

// searchAsk is one search: who asks what, and what is right.
type searchAsk struct {
	person int
	words  []int // ranks in the vocabulary
	phrase bool
	prefix string
	want   *sample
}

// asksOfAKind is how many different searches of a sort are made in turn.
const asksOfAKind = 64

func (m *searching) kinds() []kind {
	random := rand.New(rand.NewPCG(7, 7))
	few := func() int { return random.IntN(m.options.Clients) }
	many := m.options.Clients // the person in many conversations
	kinds := []kind{
		{name: "a word that everybody uses"}, {name: "a rare word"}, {name: "two words"}, {name: "a phrase"},
		{name: "the beginning of a word"}, {name: "many conversations, a word that everybody uses"}, {name: "many conversations, a rare word"},
		{name: "many conversations, two words"}, {name: "many conversations, a phrase"}, {name: "many conversations, the beginning of a word"},
	}
	for range asksOfAKind {
		for i, ask := range []*searchAsk{
			{person: few(), words: []int{random.IntN(4)}},
			{person: few(), words: []int{m.rare(random)}},
			{person: few(), words: []int{random.IntN(20), 20 + random.IntN(200)}},
			m.phrase(random, few()),
			m.prefix(random, few()),
			{person: many, words: []int{random.IntN(4)}},
			{person: many, words: []int{m.rare(random)}},
			{person: many, words: []int{random.IntN(20), 20 + random.IntN(200)}},
			m.phrase(random, many),
			m.prefix(random, many),
		} {
			kinds[i].asks = append(kinds[i].asks, ask)
		}
	}
	return kinds
}

// rare is a word that somebody has used.
func (m *searching) rare(random *rand.Rand) int {
	return slices.Max(m.library.text(random.IntN(m.options.Events)))
}

// phrase is two words that follow each other in some message.
func (m *searching) phrase(random *rand.Rand, person int) *searchAsk {
	text := m.library.text(random.IntN(m.options.Events))
	at := random.IntN(len(text) - 1)
	return &searchAsk{person: person, words: text[at : at+2], phrase: true}
}

// prefix is the first two to four letters of a word that is used.
func (m *searching) prefix(random *rand.Rand, person int) *searchAsk {
	text := m.library.text(random.IntN(m.options.Events))
	word := m.library.vocabulary[text[random.IntN(len(text))]]
	return &searchAsk{person: person, prefix: word[:min(len(word), 2+random.IntN(3))]}
}

// text is a search as its asker writes it.
func (a *searchAsk) text(vocabulary []string) string {
	if a.prefix != "" {
		return a.prefix + "*"
	}
	parts := make([]string, len(a.words))
	for i, rank := range a.words {
		parts[i] = vocabulary[rank]
	}
	text := strings.Join(parts, " ")
	if a.phrase {
		text = `"` + text + `"`
	}
	return text
}

// matches tells whether a message is to be found.
func (a *searchAsk) matches(text []int, vocabulary []string) bool {
	switch {
	case a.prefix != "":
		return slices.ContainsFunc(text, func(rank int) bool { return strings.HasPrefix(vocabulary[rank], a.prefix) })
	case a.phrase:
		for i := range len(text) - 1 {
			if text[i] == a.words[0] && text[i+1] == a.words[1] {
				return true
			}
		}
		return false
	}
	for _, rank := range a.words {
		if !slices.Contains(text, rank) {
			return false
		}
	}
	return true
}

func (m *searching) target(a *searchAsk) string {
	return "/v1/search?" + url.Values{"q": {a.text(m.library.vocabulary)}, "limit": {fmt.Sprint(searchLimit)}}.Encode()
}

func (m *searching) request(a *searchAsk, address string) []byte {
	return request("GET", address, m.target(a), m.library.town.people[a.person].token, nil)
}

// check makes every search once, compares it with a look at every message of
// the asker's conversations, and keeps the answers for the control. Two people
// may ask the same, so a control's path has the asker too.
func (m *searching) check(ctx context.Context, kinds []kind) (map[string]*sample, error) {
	shown := m.options.begin("checking searches", len(kinds)*asksOfAKind)
	defer shown.end()
	c, err := dial(ctx, m.parley.address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	samples := make(map[string]*sample)
	for _, kind := range kinds {
		for _, ask := range kind.asks {
			answer, err := c.exchange(m.request(ask, m.parley.address))
			if err == nil {
				err = m.checkHits(ask, answer)
			}
			if err != nil {
				return nil, fmt.Errorf("%s, %q: %w", kind.name, ask.text(m.library.vocabulary), err)
			}
			ask.want = sampleOf(answer)
			samples[m.controlTarget(ask)] = ask.want
			shown.add(1)
		}
	}
	return samples, nil
}

func (m *searching) controlTarget(a *searchAsk) string {
	return fmt.Sprintf("%s&%d", m.target(a), a.person)
}

func (m *searching) checkHits(ask *searchAsk, answer response) error {
	if answer.status != 200 {
		return fmt.Errorf("status %d: %s", answer.status, answer.body)
	}
	var page projections.SearchPage
	if err := json.Unmarshal(answer.body, &page); err != nil {
		return err
	}
	want := m.library.find(ask, searchLimit)
	if len(page.Hits) != len(want) {
		return fmt.Errorf("%d hits, %d were right", len(page.Hits), len(want))
	}
	for i, hit := range page.Hits {
		if at := (place{hit.Message.ConversationID, hit.Message.Number}); at != want[i] {
			return fmt.Errorf("hit %d is %+v, %+v was right", i, at, want[i])
		}
	}
	return nil
}

// measure lets the two sides take turns, after a round of each that does not
// count.
func (m *searching) measure(ctx context.Context, k kind, shown progress) (*Comparison, error) {
	c := &Comparison{Name: k.name, Unit: "searches", Parley: Side{Name: "parley"}, Control: Side{Name: "bare handler"}}
	for i := range m.options.Rounds + 1 {
		for _, side := range []struct {
			*server
			*Side
			target func(*searchAsk) string
		}{{m.parley, &c.Parley, m.target}, {m.control, &c.Control, m.controlTarget}} {
			took, err := drive(ctx, side.address, m.searchers(k, side.address, side.target), m.options.bound())
			if err != nil {
				return nil, fmt.Errorf("asking %s: %w", side.Name, err)
			}
			if i > 0 {
				side.add(took)
			}
		}
		if i > 0 {
			shown.add(1)
		}
	}
	c.finish()
	return c, nil
}

// searchers begin at different places of the same searches.
func (m *searching) searchers(k kind, address string, target func(*searchAsk) string) []client {
	clients := make([]client, m.options.Clients)
	for i := range clients {
		one := &searcher{turn: i * len(k.asks) / len(clients)}
		for _, ask := range k.asks {
			token := m.library.town.people[ask.person].token
			one.asks = append(one.asks, pageAsk{request("GET", address, target(ask), token, nil), ask.want})
		}
		clients[i] = one
	}
	return clients
}

// searcher is a client that searches for one thing after another.
type searcher struct {
	asks []pageAsk
	turn int
}

func (s *searcher) next() []byte {
	s.turn = (s.turn + 1) % len(s.asks)
	return s.asks[s.turn].request
}

func (s *searcher) check(answer response) error {
	if want := s.asks[s.turn].want; answer.status != want.status || !bytes.Equal(answer.body, want.body) {
		return fmt.Errorf("status %d: %.200s, where %.200s was right", answer.status, answer.body, want.body)
	}
	return nil
}

func (m *searching) notes() []string {
	few, many := m.library.town.people[0], m.library.town.people[m.options.Clients]
	return []string{
		fmt.Sprintf("people in a few conversations are in %d, the one in many is in %d", len(few.rooms), len(many.rooms)),
		fmt.Sprintf("texts have %d to %d words of %s, used as often as in natural language; the commonest is in %.0f%% of messages",
			leastWords, mostWords, grouped(float64(len(m.library.vocabulary)), 0), 100*m.library.share(0)),
		fmt.Sprintf("the index followed the log with %s messages a second", grouped(m.library.indexed, 0)),
		"every search was compared with a look at every message, and every answer of both sides with that",
	}
}

// place addresses a message.
type place struct {
	conversation uuid.UUID
	number       uint64
}
