package media

import (
	"bufio"
	"encoding/binary"
	"io"

	"parley/events"
)

// webpKept is how much of a chunk is looked at: the header of VP8X and of a
// key frame of VP8 have 10 bytes.
const webpKept = 10

// walkWebP reads the chunks of the RIFF container. An animation has one ANMF
// chunk a frame.
func walkWebP(r *bufio.Reader, info *events.MediaInfo) error {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	left := int64(binary.LittleEndian.Uint32(head[4:])) - 4
	for left >= 8 {
		var chunk [8]byte
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			return err
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		size += size % 2
		if left -= 8 + size; left < 0 {
			return damaged("is a WebP whose chunk %q is larger than the file", chunk[:4])
		}
		content := make([]byte, min(size, webpKept))
		if _, err := io.ReadFull(r, content); err != nil {
			return err
		}
		if err := webpChunk(string(chunk[:4]), content, info); err != nil {
			return err
		}
		if err := skip(r, size-int64(len(content))); err != nil {
			return err
		}
	}
	if info.Width == 0 || info.Frames == 0 {
		return damaged("is a WebP without an image")
	}
	return nil
}

func webpChunk(kind string, content []byte, info *events.MediaInfo) error {
	switch kind {
	case "ANMF":
		return framed(info)
	case "VP8X":
		if len(content) < webpKept {
			return damaged("is a WebP with a short header")
		}
		return sized(info, 1+little24(content[4:]), 1+little24(content[7:]))
	case "VP8 ":
		if len(content) < webpKept || string(content[3:6]) != "\x9d\x01\x2a" {
			return damaged("is a WebP without a key frame")
		}
		return webpImage(info, int(binary.LittleEndian.Uint16(content[6:])&0x3fff), int(binary.LittleEndian.Uint16(content[8:])&0x3fff))
	case "VP8L":
		if len(content) < 5 || content[0] != 0x2f {
			return damaged("is a WebP without its signature")
		}
		bits := binary.LittleEndian.Uint32(content[1:])
		return webpImage(info, 1+int(bits&0x3fff), 1+int(bits>>14&0x3fff))
	}
	return nil
}

// webpImage is a single image; an extended header has told its measures
// before.
func webpImage(info *events.MediaInfo, width, height int) error {
	if info.Width > 0 && (info.Width != width || info.Height != height) {
		return damaged("is a WebP whose image is not as large as it claims")
	}
	if err := sized(info, width, height); err != nil {
		return err
	}
	return framed(info)
}

func little24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
