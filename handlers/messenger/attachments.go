package messenger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/events/media"
)

const (
	// maxFetchedImage bounds an image that is fetched.
	maxFetchedImage = 8 << 20
	// fetchPatience is how long fetching a file may take.
	fetchPatience = 75 * time.Second
)

// asRefusal is errors.As for refusals.
func asRefusal(err error, refusal **decide.Refusal) bool { return errors.As(err, refusal) }

// uploadAttachment takes a file in, to be sent by its id.
func (a *API) uploadAttachment(ctx context.Context, c *call) (any, error) {
	var body struct {
		Attachment *attachmentBody `json:"attachment"`
	}
	if err := c.params.into("message", &body); err != nil {
		return nil, err
	}
	if body.Attachment == nil {
		return nil, invalid("message.attachment", "is required")
	}
	source, err := readFile(c.params, body.Attachment)
	if err != nil {
		return nil, err
	}
	if err := a.pageMay(ctx, c.page, events.WriteAttachments); err != nil {
		return nil, err
	}
	file, err := a.takeFile(ctx, c, source)
	if err != nil {
		return nil, err
	}
	return map[string]string{"attachment_id": file.Media.String()}, nil
}

// takeFile finds a file that the app has brought before, or brings it.
func (a *API) takeFile(ctx context.Context, c *call, source *fileSource) (decide.Attachment, error) {
	heavy := source.kind == "audio" || source.kind == "video"
	if heavy && !a.Unlimited && a.media.OnLimit(c.w, c.Request, c.page.ID().String()) {
		return decide.Attachment{}, errTooOften
	}
	switch {
	case source.id != "":
		return a.brought(ctx, c, source)
	case source.url != "":
		return a.fetch(ctx, c, source)
	}
	file, err := source.sent.Open()
	if err != nil {
		return decide.Attachment{}, fmt.Errorf("%w: %w", media.ErrUnavailable, err)
	}
	defer file.Close()
	return a.bring(ctx, c, source, plainName(source.sent.Filename), file)
}

// brought is a file of the app's own, by its id.
func (a *API) brought(ctx context.Context, c *call, source *fileSource) (decide.Attachment, error) {
	digest, err := events.ParseDigest(source.id)
	if err != nil {
		return decide.Attachment{}, errAttachment
	}
	file, err := a.Library.File(ctx, digest, c.page.App)
	if err != nil {
		return decide.Attachment{}, err
	}
	if !file.Kept || !file.Brought || !a.Now().Before(file.Until) {
		return decide.Attachment{}, errAttachment
	}
	return decide.Attachment{Media: digest}, source.accept(file.MediaInfo)
}

func (a *API) bring(ctx context.Context, c *call, source *fileSource, name string, body io.Reader) (decide.Attachment, error) {
	file, _, err := a.Library.UploadChecked(ctx, c.cause, c.page.App, decide.AppUploadKept, body, source.accept)
	return decide.Attachment{Media: file.Media, Name: name}, err
}

// accept refuses a file that is not of the kind it was sent as.
func (s *fileSource) accept(file events.MediaInfo) error {
	if !slices.Contains(fileTypes[s.kind], file.Kind()) {
		return wrongType(s.kind, file)
	}
	return nil
}

// fetch brings a file from an address.
func (a *API) fetch(ctx context.Context, c *call, source *fileSource) (decide.Attachment, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchPatience)
	defer cancel()
	address, err := url.Parse(source.url)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" || len(source.url) > maxURL {
		return decide.Attachment{}, invalid("message.attachment.payload.url", "must be an http or https URL")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return decide.Attachment{}, invalid("message.attachment.payload.url", "must be an http or https URL")
	}
	response, err := a.Fetch.Do(request)
	if err != nil {
		return decide.Attachment{}, badFetch("%s", reason(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return decide.Attachment{}, badFetch("it answers with status %d", response.StatusCode)
	}
	most := int64(media.MaxBytes)
	if source.kind == "image" {
		most = maxFetchedImage
	}
	if response.ContentLength > most {
		return decide.Attachment{}, errTooLarge
	}
	name := plainName(path.Base(response.Request.URL.Path))
	return a.bring(ctx, c, source, name, &fetched{response.Body, most})
}

// reason tells why a request failed without what it was resolved to, which may
// be the operator's own network.
func reason(err error) string {
	var failed *url.Error
	if errors.As(err, &failed) {
		if failed.Timeout() {
			return "it does not answer in time"
		}
	}
	return "it cannot be reached, or is not public"
}

// fetched is the body of a file that is fetched, up to its bound.
type fetched struct {
	io.Reader
	left int64
}

func (f *fetched) Read(into []byte) (int, error) {
	n, err := f.Reader.Read(into)
	if f.left -= int64(n); f.left < 0 {
		return n, commands.ErrUploadTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, badFetch("it breaks off")
	}
	return n, err
}

const maxName = 255

// plainName is a file's name as it can be shown, or nothing.
func plainName(name string) string {
	name = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == '/' || c == '\\' || c == unicode.ReplacementChar {
			return -1
		}
		return c
	}, name)
	if runes := []rune(name); len(runes) > maxName {
		name = string(runes[:maxName])
	}
	if name == "." || strings.TrimSpace(name) == "" {
		return ""
	}
	return name
}
