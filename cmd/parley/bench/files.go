package bench

import (
	"fmt"
	"syscall"
)

// spareFiles is how many files a process has open beside its connections.
const spareFiles = 500

// needFiles has the system let this process open so many files, if that is
// allowed, and tells what to do else.
func needFiles(count int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("how many files may be open: %w", err)
	}
	need := uint64(count)
	if uint64(limit.Cur) >= need {
		return nil
	}
	if uint64(limit.Max) < need {
		return fmt.Errorf("%w: %d open files are needed, and this system allows %d to a process: ask for fewer --listeners, or raise the hard limit (`ulimit -Hn`, LimitNOFILE= of systemd, or /etc/security/limits.conf)", ErrOptions, need, limit.Max)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raising the limit of open files to %d: %w", limit.Max, err)
	}
	return nil
}
