package media

import (
	"bufio"
	"encoding/binary"
	"io"

	"parley/events"
)

// Markers of a JPEG, the second byte after 0xff.
const (
	jpegStart = 0xd8
	jpegEnd   = 0xd9
	jpegScan  = 0xda
)

// walkJPEG reads the segments up to the end marker. What follows it, as some
// cameras add, is passed over.
func walkJPEG(r *bufio.Reader, info *events.MediaInfo) error {
	if err := skip(r, 2); err != nil { // the start marker
		return err
	}
	marker, err := jpegMarker(r)
	for scanned := false; err == nil; {
		switch {
		case marker == jpegEnd && (info.Frames == 0 || !scanned):
			return damaged("is a JPEG without an image")
		case marker == jpegEnd:
			return nil
		case marker == jpegScan:
			scanned = true
			if err = jpegSegment(r, marker, info); err == nil {
				marker, err = jpegPixels(r)
			}
			continue
		case marker == jpegStart || marker >= 0xd0 && marker <= 0xd7 || marker <= 0x01:
			// these stand alone
		default:
			err = jpegSegment(r, marker, info)
		}
		if err == nil {
			marker, err = jpegMarker(r)
		}
	}
	return err
}

// jpegMarker reads a marker and the 0xff that may fill the space before it.
func jpegMarker(r *bufio.Reader) (byte, error) {
	if b, err := r.ReadByte(); err != nil {
		return 0, err
	} else if b != 0xff {
		return 0, damaged("is a JPEG with 0x%02x in the place of a marker", b)
	}
	for {
		b, err := r.ReadByte()
		if err != nil || b != 0xff {
			return b, err
		}
	}
}

// jpegPixels passes over packed pixels, in which 0xff is followed by zero or
// a restart marker, and returns the marker after them.
func jpegPixels(r *bufio.Reader) (byte, error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != 0xff {
			continue
		}
		for b == 0xff {
			if b, err = r.ReadByte(); err != nil {
				return 0, err
			}
		}
		if b != 0 && (b < 0xd0 || b > 0xd7) {
			return b, nil
		}
	}
}

// jpegSegment passes over a segment; a start of frame tells the measures.
func jpegSegment(r *bufio.Reader, marker byte, info *events.MediaInfo) error {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := int64(binary.BigEndian.Uint16(head[:])) - 2
	if size < 0 {
		return damaged("is a JPEG with a segment shorter than its length")
	}
	// DHT, JPG and DAC lie among the starts of frames.
	if marker < 0xc0 || marker > 0xcf || marker == 0xc4 || marker == 0xc8 || marker == 0xcc {
		return skip(r, size)
	}
	var frame [5]byte
	if size < int64(len(frame)) || info.Frames > 0 {
		return damaged("is a JPEG with a broken start of frame")
	}
	if _, err := io.ReadFull(r, frame[:]); err != nil {
		return err
	}
	height, width := binary.BigEndian.Uint16(frame[1:]), binary.BigEndian.Uint16(frame[3:])
	if err := sized(info, int(width), int(height)); err != nil {
		return err
	}
	info.Frames = 1
	return skip(r, size-int64(len(frame)))
}
