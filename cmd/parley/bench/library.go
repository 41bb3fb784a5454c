package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/projections"
)

// library is a great many messages, of which people search their own. What
// each says follows from its place in the order of time alone.
type library struct {
	options    Options
	house      *House
	town       *town
	vocabulary []string
	frequent   *rand.Zipf
	ranks      *rand.PCG // under frequent

	rooms   []int32  // of each message
	numbers []uint64 // of each message, in its room
	indexed float64  // messages a second
}

const (
	vocabularySize = 50_000
	leastWords     = 3
	mostWords      = 20
	// townspeople write in all rooms.
	townspeople = 100
	// fewRooms and manyRooms are how many conversations the searchers are in.
	fewRooms, manyRooms = 12, 1000
	// libraryStep passes from each message to the next.
	libraryStep = time.Second
	// shelf is how many messages are written room by room.
	shelf = 1 << 16
)

func writeLibrary(ctx context.Context, p Program, o Options, open *closers) (*library, error) {
	l := &library{options: o, vocabulary: newVocabulary(), ranks: rand.NewPCG(0, 0), rooms: make([]int32, o.Events), numbers: make([]uint64, o.Events)}
	l.frequent = rand.NewZipf(rand.New(l.ranks), 1.1, 4, vocabularySize-1)
	var err error
	if l.house, err = o.openHouse(ctx, p, "parley"); err != nil {
		return nil, err
	}
	open.add(l.house.Close)
	if l.town, err = settle(ctx, l.house, o.Clients+1+townspeople, l.members()); err != nil {
		return nil, err
	}
	if err := l.house.Views.CatchUp(ctx); err != nil {
		return nil, err
	}
	shown := o.begin("writing messages", o.Events)
	began := time.Now()
	for first := 0; first < o.Events; first += shelf {
		if err := l.fill(ctx, first, min(first+shelf, o.Events), shown); err != nil {
			return nil, fmt.Errorf("writing messages: %w", err)
		}
	}
	shown.end()
	if err := l.catchUp(ctx); err != nil {
		return nil, err
	}
	l.indexed = float64(o.Events) / time.Since(began).Seconds()
	return l, nil
}

// catchUp waits for the index.
func (l *library) catchUp(ctx context.Context) error {
	tip, err := events.Tip(ctx, l.house.Journal.Log)
	if err != nil {
		return err
	}
	shown := l.options.begin("indexing", 1)
	defer shown.end()
	if err := l.house.Views.Wait(ctx, projections.SearchName, tip); err != nil {
		return err
	}
	return l.house.Views.CatchUp(ctx)
}

// members puts somebody of the town into each room, and each searcher into
// some at random.
func (l *library) members() [][]int {
	random := rand.New(rand.NewPCG(1, 1))
	rooms := make([][]int, l.options.Rooms)
	for i := range rooms {
		rooms[i] = []int{l.author(i)}
	}
	for searcher := range l.options.Clients + 1 {
		count := fewRooms
		if searcher == l.options.Clients {
			count = manyRooms
		}
		for _, room := range random.Perm(len(rooms))[:min(count, len(rooms))] {
			rooms[room] = append(rooms[room], searcher)
		}
	}
	return rooms
}

// author is who writes in a room.
func (l *library) author(room int) int { return l.options.Clients + 1 + room%townspeople }

// text is the words of a message, as ranks in the vocabulary.
func (l *library) text(message int) []int {
	l.ranks.Seed(uint64(message), 3)
	random := rand.New(rand.NewPCG(uint64(message), 4))
	ranks := make([]int, leastWords+random.IntN(mostWords-leastWords+1))
	for i := range ranks {
		ranks[i] = int(l.frequent.Uint64())
	}
	return ranks
}

// room is where a message is said: in some rooms more is said than in others.
func (l *library) room(message int) int {
	random := rand.New(rand.NewPCG(uint64(message), 5))
	return int(random.ExpFloat64()*float64(l.options.Rooms)/4) % l.options.Rooms
}

func (l *library) posted(message int) time.Time {
	return historyBegin.Add(time.Duration(message) * libraryStep)
}

// fill writes some messages, those of a room in one append as far as it takes
// them.
func (l *library) fill(ctx context.Context, first, end int, shown progress) error {
	byRoom := make(map[int][]commands.Posting)
	for message := first; message < end; message++ {
		room := l.room(message)
		author := l.town.people[l.author(room)].id
		var text strings.Builder
		for i, rank := range l.text(message) {
			if i > 0 {
				text.WriteByte(' ')
			}
			text.WriteString(l.vocabulary[rank])
		}
		l.rooms[message] = int32(room)
		byRoom[room] = append(byRoom[room], commands.Posting{
			Cause:   events.Cause{Actor: author.String(), OccurredAt: l.posted(message)},
			Message: decide.Message{Author: author, Text: text.String()},
		})
	}
	l.number(first, end)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(settling)
	for room, postings := range byRoom {
		group.Go(func() error {
			for len(postings) > 0 {
				count := min(len(postings), postedAtOnce)
				if _, err := l.house.Commands.PostAll(ctx, l.town.rooms[room], postings[:count]); err != nil {
					return err
				}
				postings = postings[count:]
				shown.add(count)
			}
			return nil
		})
	}
	return group.Wait()
}

// number gives messages the numbers that they get in their rooms.
func (l *library) number(first, end int) {
	next := make(map[int32]uint64)
	for message := range first {
		next[l.rooms[message]] = l.numbers[message] + 1
	}
	for message := first; message < end; message++ {
		l.numbers[message] = next[l.rooms[message]]
		next[l.rooms[message]]++
	}
}

// find looks at every message, the last one first.
func (l *library) find(ask *searchAsk, limit int) []place {
	mine := make(map[int32]bool)
	for _, room := range l.town.people[ask.person].rooms {
		mine[int32(room)] = true
	}
	var found []place
	for message := l.options.Events - 1; message >= 0 && len(found) < limit; message-- {
		if room := l.rooms[message]; mine[room] && ask.matches(l.text(message), l.vocabulary) {
			found = append(found, place{l.town.rooms[room], l.numbers[message]})
		}
	}
	return found
}

// share is in how many messages a word is, of those of a sample.
func (l *library) share(rank int) float64 {
	const sample = 10_000
	ask, found := searchAsk{words: []int{rank}}, 0
	for message := range sample {
		if ask.matches(l.text(message), l.vocabulary) {
			found++
		}
	}
	return float64(found) / sample
}

// newVocabulary is words as they are spoken, each different, the shorter ones
// first.
func newVocabulary() []string {
	const consonants, vowels = "bcdfghklmnprstvw", "aeiou"
	random := rand.New(rand.NewPCG(2, 2))
	known := make(map[string]bool, vocabularySize)
	vocabulary := make([]string, 0, vocabularySize)
	for len(vocabulary) < vocabularySize {
		var word strings.Builder
		for range 1 + len(vocabulary)/2_000%4 + random.IntN(2) {
			word.WriteByte(consonants[random.IntN(len(consonants))])
			word.WriteByte(vowels[random.IntN(len(vowels))])
		}
		if random.IntN(3) == 0 {
			word.WriteByte(consonants[random.IntN(len(consonants))])
		}
		if !known[word.String()] {
			known[word.String()] = true
			vocabulary = append(vocabulary, word.String())
		}
	}
	return vocabulary
}
