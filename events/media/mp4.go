package media

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"parley/events"
)

// walkMP4 reads the outermost boxes, of which moov must be one: without it
// nothing in the file can be played.
func walkMP4(r *bufio.Reader, _ *events.MediaInfo) error {
	for playable := false; ; {
		kind, size, err := mp4Box(r)
		if errors.Is(err, io.EOF) {
			if !playable {
				return damaged("is an MP4 without its moov box")
			}
			return nil
		}
		if err != nil {
			return err
		}
		playable = playable || kind == "moov"
		if size < 0 { // up to the end
			_, err = io.Copy(io.Discard, r)
		} else {
			err = skip(r, size)
		}
		if err != nil {
			return midway(err)
		}
	}
}

// midway is the end of a file where it must not end.
func midway(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// mp4Box reads a box's header and returns how long its content is, or -1 if
// it goes on to the end.
func mp4Box(r *bufio.Reader) (kind string, size int64, err error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:8]); err != nil {
		return "", 0, err
	}
	kind, size = string(head[4:8]), int64(binary.BigEndian.Uint32(head[:]))
	switch size {
	case 0:
		return kind, -1, nil
	case 1:
		if _, err := io.ReadFull(r, head[8:]); err != nil {
			return "", 0, midway(err)
		}
		size = int64(binary.BigEndian.Uint64(head[8:])) - 16
	default:
		size -= 8
	}
	if size < 0 {
		return "", 0, damaged("is an MP4 with a box shorter than its header")
	}
	return kind, size, nil
}
