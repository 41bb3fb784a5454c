package media

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"

	"parley/events"
)

const (
	pngSignature = 8
	// pngKept is how much of a chunk is looked at: a header has 13 bytes.
	pngKept = 13
)

// walkPNG reads the chunks and their checksums up to IEND. An animation tells
// its frames in acTL.
func walkPNG(r *bufio.Reader, info *events.MediaInfo) error {
	if err := skip(r, pngSignature); err != nil {
		return err
	}
	for first := true; ; first = false {
		kind, content, err := pngChunk(r)
		if err != nil {
			return err
		}
		if first != (kind == "IHDR") {
			return damaged("is a PNG that does not begin with its only header")
		}
		switch kind {
		case "IHDR":
			if len(content) < pngKept {
				return damaged("is a PNG with a short header")
			}
			width, height := binary.BigEndian.Uint32(content), binary.BigEndian.Uint32(content[4:])
			if width > 1<<31-1 || height > 1<<31-1 {
				return damaged("is a PNG with a side of more than 2,147,483,647 pixels")
			}
			if err := sized(info, int(width), int(height)); err != nil {
				return err
			}
			info.Frames = 1
		case "acTL":
			if err := pngFrames(info, content); err != nil {
				return err
			}
		case "IEND":
			return nil
		}
	}
}

func pngFrames(info *events.MediaInfo, content []byte) error {
	if len(content) < 4 {
		return damaged("is a PNG with a short acTL chunk")
	}
	frames := binary.BigEndian.Uint32(content)
	if frames == 0 || frames > MaxFrames {
		return damaged("claims to have %d frames; 1 to %d are taken", frames, MaxFrames)
	}
	info.Frames = int(frames)
	return nil
}

// pngChunk reads a chunk and returns the begin of its content.
func pngChunk(r *bufio.Reader) (kind string, content []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", nil, err
	}
	size := int64(binary.BigEndian.Uint32(head[:]))
	sum := crc32.NewIEEE()
	sum.Write(head[4:])
	content = make([]byte, min(size, pngKept))
	if _, err := io.ReadFull(r, content); err != nil {
		return "", nil, err
	}
	sum.Write(content)
	if _, err := io.CopyN(sum, r, size-int64(len(content))); err != nil {
		return "", nil, err
	}
	var stored [4]byte
	if _, err := io.ReadFull(r, stored[:]); err != nil {
		return "", nil, err
	}
	if binary.BigEndian.Uint32(stored[:]) != sum.Sum32() {
		return "", nil, damaged("is a PNG whose chunk %q does not match its checksum", head[4:])
	}
	return string(head[4:]), content, nil
}
