// Package proc reads /proc: which processes hold a socket, and who they are.
//
// An inode of a socket leads to its holders only through the fd links of every process. Scanner walks
// them with as few system calls as it can, remembers what it saw, and is bounded in time even where a
// read blocks. FS reads the rest of a process: its name, user, unit, container, parents. Both take the
// root of /proc from their caller, so that a test brings its own.
//
// It leaves to others: the sockets themselves (sock_diag), joining holders to sockets, signals, and
// network namespaces. Text that comes from outside leaves it as model.Text.
//
// A thread that unshared its fd table (CLONE_FILES) is not looked into, other than when the leader of
// its process is dead.
package proc
