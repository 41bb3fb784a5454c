package events

import (
	"bytes"
	"encoding/base64"

	"github.com/google/uuid"
)

// scanner reads JSON of a form that is known in advance, and gives up where
// it finds another. What it gives up on is for encoding/json to read.
type scanner struct {
	rest []byte
	ok   bool
}

func scan(data []byte) *scanner { return &scanner{rest: data, ok: true} }

// cut passes over what must be there.
func (s *scanner) cut(expected string) {
	if s.ok = s.ok && len(s.rest) >= len(expected) && string(s.rest[:len(expected)]) == expected; s.ok {
		s.rest = s.rest[len(expected):]
	}
}

// has tells whether something that may be there comes next.
func (s *scanner) has(optional string) bool {
	return s.ok && len(s.rest) >= len(optional) && string(s.rest[:len(optional)]) == optional
}

// text reads the rest of a string, with its closing quote. It gives up on
// escapes and on anything but ASCII.
func (s *scanner) text() []byte {
	end := bytes.IndexByte(s.rest, '"')
	if !s.ok || end < 0 {
		s.ok = false
		return nil
	}
	value := s.rest[:end]
	for _, c := range value {
		if c == '\\' || c < ' ' || c >= 0x80 {
			s.ok = false
			return nil
		}
	}
	s.rest = s.rest[end+1:]
	return value
}

func (s *scanner) id() uuid.UUID {
	text := s.text()
	id, err := uuid.ParseBytes(text)
	if s.ok = s.ok && err == nil && len(text) == 36; !s.ok {
		return uuid.Nil
	}
	return id
}

func (s *scanner) secret() Secret {
	text := s.text()
	sealed := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(sealed, text)
	s.ok = s.ok && err == nil
	return Secret{sealed: sealed[:n]}
}

// number reads an unsigned decimal that a double holds exactly.
func (s *scanner) number() (n uint64) {
	digits := 0
	for digits < len(s.rest) && s.rest[digits] >= '0' && s.rest[digits] <= '9' {
		n = n*10 + uint64(s.rest[digits]-'0')
		digits++
	}
	s.ok = s.ok && digits > 0 && digits <= 15 && (digits == 1 || s.rest[0] != '0')
	s.rest = s.rest[digits:]
	return n
}

// done tells whether everything was read.
func (s *scanner) done() bool { return s.ok && len(s.rest) == 0 }
