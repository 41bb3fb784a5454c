package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"syscall"
	"time"
)

// cpuTime is how much processor time this process has used.
func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("the time used by this process: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

const (
	// A process is idle when it uses no more than idleShare of a processor
	// for idleTime.
	idleTime  = 20 * time.Millisecond
	idleShare = 0.1
	// patience bounds how long work left behind is waited for.
	patience = 10 * time.Second
)

// quiesce waits until this process is idle, so that what one side leaves to be
// done in the background does not fall into the other side's time.
func quiesce(ctx context.Context) error {
	tick := time.NewTicker(idleTime)
	defer tick.Stop()
	used, err := cpuTime()
	for deadline := time.Now().Add(patience); err == nil && time.Now().Before(deadline); {
		began, before := time.Now(), used
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		used, err = cpuTime()
		if elapsed := time.Since(began); elapsed >= idleTime/2 && used-before < time.Duration(idleShare*float64(elapsed)) {
			break
		}
	}
	return err
}

// resident is the memory that the process holds, in bytes, after all that it
// can do without was given back. Where the system does not tell, it is what
// Go's runtime holds.
func resident() (int, error) {
	debug.FreeOSMemory()
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := bytes.Fields(statm); len(fields) > 1 {
			pages, err := strconv.Atoi(string(fields[1]))
			return pages * os.Getpagesize(), err
		}
	}
	held := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(held)
	return int(held[0].Value.Uint64() - held[1].Value.Uint64()), nil
}

// diskUsage is the size of all files in a directory, in bytes.
func diskUsage(dir string) (int, error) {
	size := 0
	err := filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += int(info.Size())
		}
		return err
	})
	return size, err
}
