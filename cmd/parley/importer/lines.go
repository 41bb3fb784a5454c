package importer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// parser reads one line, given without its end.
type parser func(line string, number int) (entry, error)

// entry is what a line tells. The zero entry tells nothing, as blank lines do.
type entry struct {
	at time.Time
	// from is the handle of the one who wrote.
	from string
	// Either room is set or to, the handle of the only other person.
	room, to string
	text     string
	// passed names the kind of a line that is counted and not imported; the
	// other fields are empty then.
	passed string
}

func (e entry) blank() bool { return e == entry{} }

// maxLine bounds a line, in bytes. It leaves room for the longest message.
const maxLine = 128 << 10

var errLineTooLong = fmt.Errorf("longer than %d bytes", maxLine)

// readLines hands each line of a file to use, which gets errLineTooLong in
// place of a line that exceeds maxLine. It ends with the first error of use.
func readLines(ctx context.Context, path string, use func(number int, line string, err error) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	buffered := bufio.NewReaderSize(file, maxLine)
	for number := 1; ; number++ {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		line, err := nextLine(buffered)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, errLineTooLong) {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		if err := use(number, line, err); err != nil {
			return err
		}
	}
}

// nextLine reads a line without its end; the last one may lack an end.
func nextLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.ReadSlice('\n')
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = errLineTooLong
		}
		return "", err
	}
	if err != nil && (len(line) == 0 || !errors.Is(err, io.EOF)) {
		return "", err
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	return string(bytes.TrimSuffix(line, []byte("\r"))), nil
}

// checkTime refuses times that no chat can have and that RFC 3339 or a zero
// time's meaning rule out.
func checkTime(at time.Time) error {
	if year := at.Year(); year < 1970 || year > 9999 {
		return fmt.Errorf("the year %d is not between 1970 and 9999", year)
	}
	return nil
}
