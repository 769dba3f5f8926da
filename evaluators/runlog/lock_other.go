//go:build !windows && (!unix || solaris || aix)

package runlog

import "os"

func tryLock(*os.File, bool) error { return errNoLocks }
