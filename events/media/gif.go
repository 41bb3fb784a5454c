package media

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"parley/events"
)

// Blocks of a GIF, as the GIF89a specification has them.
const (
	gifExtension = 0x21
	gifImage     = 0x2c
	gifTrailer   = 0x3b
)

// walkGIF counts the image descriptors. Browsers show a GIF that ends without
// its trailer, so that one is accepted.
func walkGIF(r *bufio.Reader, info *events.MediaInfo) error {
	var head [13]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	width, height := binary.LittleEndian.Uint16(head[6:]), binary.LittleEndian.Uint16(head[8:])
	if err := sized(info, int(width), int(height)); err != nil {
		return err
	}
	if err := skipColours(r, head[10]); err != nil {
		return err
	}
	for {
		block, err := r.ReadByte()
		if errors.Is(err, io.EOF) || err == nil && block == gifTrailer {
			break
		}
		if err == nil {
			err = walkGIFBlock(r, block, info)
		}
		if err != nil {
			return err
		}
	}
	if info.Frames == 0 {
		return damaged("is a GIF without an image")
	}
	return nil
}

func walkGIFBlock(r *bufio.Reader, block byte, info *events.MediaInfo) error {
	switch block {
	case gifExtension:
		if err := skip(r, 1); err != nil { // the label
			return err
		}
		return skipSubBlocks(r)
	case gifImage:
		var descriptor [9]byte
		if _, err := io.ReadFull(r, descriptor[:]); err != nil {
			return err
		}
		if err := skipColours(r, descriptor[8]); err != nil {
			return err
		}
		code, err := r.ReadByte()
		if err != nil {
			return err
		}
		if code < 2 || code > 8 {
			return damaged("is a GIF whose pixels are packed with %d bits", code)
		}
		if err := skipSubBlocks(r); err != nil {
			return err
		}
		return framed(info)
	}
	return damaged("is a GIF with an unknown block 0x%02x", block)
}

// skipColours passes over a colour table, if the flags tell of one.
func skipColours(r *bufio.Reader, flags byte) error {
	if flags&0x80 == 0 {
		return nil
	}
	return skip(r, 3<<(flags&7+1))
}

// skipSubBlocks passes over chunks of up to 255 bytes, to the empty one.
func skipSubBlocks(r *bufio.Reader) error {
	for {
		size, err := r.ReadByte()
		if err != nil || size == 0 {
			return err
		}
		if err := skip(r, int64(size)); err != nil {
			return err
		}
	}
}
