package handlers

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"strconv"
	"time"

	"parley/events"
	"parley/projections"
)

// The parts of a link's query.
const (
	linkExpires   = "expires"
	linkSignature = "signature"
)

// linkTTL is how long a link holds if nothing else is asked for.
const linkTTL = time.Hour

var (
	errLink        = errors.New("the link's signature is wrong")
	errLinkExpired = errors.New("the link has expired")
)

// MediaLink is a path by which anybody can read a file until a time, from the
// server that has the keys.
func MediaLink(keys events.Keys, file events.Digest, until time.Time) string {
	expires := strconv.FormatInt(until.Unix(), 10)
	query := url.Values{linkExpires: {expires}, linkSignature: {signLink(keys, file, expires)}}
	return "/v1/media/" + file.String() + "?" + query.Encode()
}

// MediaLink is a path by which anybody can read a file until a time.
func (s *Server) MediaLink(file events.Digest, until time.Time) string {
	return MediaLink(s.Journal.Keys, file, until)
}

// signLink binds a file to a time. Handles, the other values that are given
// pseudonyms, hold no spaces.
func signLink(keys events.Keys, file events.Digest, expires string) string {
	return keys.Pseudonym("media link " + file.String() + " " + expires)
}

func (s *Server) checkLink(file events.Digest, expires, signature string) error {
	if subtle.ConstantTimeCompare([]byte(signature), []byte(signLink(s.Journal.Keys, file, expires))) != 1 {
		return errLink
	}
	until, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || !s.Now().Before(time.Unix(until, 0)) {
		return errLinkExpired
	}
	return nil
}

type linksBody struct {
	Media []string `json:"media" nullable:"false" minItems:"1" maxItems:"100" doc:"Digests of up to 100 files."`
	TTL   int64    `json:"ttl,omitempty" minimum:"1" maximum:"604800" doc:"For how many seconds the links hold; 3600 if absent."`
}

type linksInput struct {
	WaitHeader
	KeyHeader
	Body linksBody
}

type linksOutput struct {
	Body links
}

type links struct {
	Links []link `json:"links"`
}

type link struct {
	Media     events.Digest `json:"media"`
	URL       string        `json:"url"`
	ExpiresAt time.Time     `json:"expiresAt"`
}

// linkMedia makes no link if it cannot make all.
func (s *Server) linkMedia(ctx context.Context, in *linksInput) (*linksOutput, error) {
	if err := s.reaches(ctx, projections.MediaName, in.Position); err != nil {
		return nil, err
	}
	ttl := linkTTL
	if in.Body.TTL > 0 {
		ttl = time.Duration(in.Body.TTL) * time.Second
	}
	until := s.Now().Add(ttl).UTC().Truncate(time.Second)
	made := make([]link, len(in.Body.Media))
	for i, text := range in.Body.Media {
		digest, err := events.ParseDigest(text)
		if err != nil {
			return nil, refusedField("body.media."+strconv.Itoa(i), err.Error())
		}
		if _, err := s.Library.Visible(ctx, digest, callerOf(ctx).ID()); err != nil {
			return nil, err
		}
		made[i] = link{digest, s.MediaLink(digest, until), until}
	}
	return &linksOutput{links{made}}, nil
}
