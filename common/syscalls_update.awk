# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The second half of syscalls_update.sh: joins kernel metadata, rules and numbers into the .def files.
# Input, in this order: syscalls_types.def syscalls_kernel.tbl syscalls_rules.tbl syscalls_newer.tbl
# and lines of "ABI number name".

function fail(text) {
	print FILENAME ":" FNR ": " text > "/dev/stderr"
	failed = 1
}

function is_32(abi) {
	return abi == "i386" || abi == "arm"
}

# The rules of syscalls_types.def, as syscall_arg_type_guess() applies them. "TYPE" or "TYPE:SET".
function guess(c_type, name,    i, pointer) {
	pointer = c_type ~ /\*( *const)?$/
	if (pointer)
		sub(/ *const$/, "", c_type)
	else
		sub(/^const /, "", c_type)
	for (i = 1; i <= type_count; i++) {
		if (type_name[i] != "" && type_name[i] != name)
			continue
		if (type_c[i] == "" || type_c[i] == c_type || (type_c[i] == "*" && pointer) ||
		    (type_c[i] == "const *" && pointer && c_type ~ /^const /))
			return type_result[i]
	}
	return "UNKNOWN"
}

FNR == 1 { file++ }

file == 1 && /^TYPE\(/ {
	split($0, part, "\"")
	type_count++
	type_c[type_count] = part[2]
	type_name[type_count] = part[4]
	split(part[5], word, /[ ,)]+/)
	type_result[type_count] = word[2] (part[6] == "" ? "" : ":" part[6])
	next
}

/^#/ || /^ *$/ { next }

# name(type arg, …)
file == 2 {
	name = $0
	sub(/\(.*/, "", name)
	args = $0
	sub(/^[^(]*\(/, "", args)
	sub(/\)$/, "", args)
	count = args == "" ? 0 : split(args, arg, ", ")
	kernel_count[name] = count
	for (i = 1; i <= count; i++) {
		arg_name = arg[i]
		sub(/.*[ *]/, "", arg_name)
		c_type = substr(arg[i], 1, length(arg[i]) - length(arg_name))
		sub(/ +$/, "", c_type)
		kernel_arg[name, i] = arg_name
		kernel_type[name, i] = guess(c_type, arg_name)
	}
	in_kernel[name] = 1
	next
}

file == 3 {
	if ($1 in rule)
		fail("a second line for " $1)
	rule[$1] = $0
	where[$1] = FNR
	next
}

file == 4 {
	if ($3 == "all")
		$0 = $1 " " $2 " x86_64 i386 x32 arm64 arm riscv64"
	for (i = 3; i <= NF; i++)
		add_number($i, $1, $2, 1)
	next
}

file == 5 { add_number($1, $2, $3, 0) }

function add_number(abi, nr, name, newer) {
	if ((abi, name) in numbered) {
		if (numbered[abi, name] != nr)
			fail(abi " " name " is " nr " and " numbered[abi, name])
		return
	}
	if ((abi, nr) in call)
		fail(abi " " nr " is " name " and " call[abi, nr])
	numbered[abi, name] = nr
	call[abi, nr] = name
	if (!(abi in highest) || nr + 0 > highest[abi])
		highest[abi] = nr + 0
}

# The line of rules for a call in an ABI: "" if there is none.
function rule_name(name, abi) {
	if ((name "@" abi) in rule)
		return name "@" abi
	if ((name "@" (is_32(abi) ? "32" : "64")) in rule)
		return name "@" (is_32(abi) ? "32" : "64")
	if (name in rule)
		return name
	return ""
}

function index_of(name,    i) {
	for (i = 1; i <= n_args; i++)
		if (a_name[i] == name)
			return i - 1
	return -1
}

# Sets n_args, a_name[], a_spec[] and collects +properties and %classes of one line of rules.
function apply(line, key,    word, n, i, eq, own, at) {
	n = split(line, word, /[ \t]+/)
	for (i = 2; i <= n; i++) {
		if (word[i] == "=") {
			i++
		} else if (word[i] == "(") {
			own = 1
			n_args = 0
		} else if (word[i] == ")") {
			own = 0
		} else if (word[i] ~ /^\+/) {
			props[toupper(substr(word[i], 2))] = 1
		} else if (word[i] ~ /^%/) {
			classes[word[i] == "%%stat" ? "STATS" : word[i] == "%%statfs" ? "STATFSS" : toupper(substr(word[i], 2))] = 1
		} else if ((eq = index(word[i], "=")) > 0) {
			if (own) {
				a_name[++n_args] = substr(word[i], 1, eq - 1)
				a_spec[n_args] = substr(word[i], eq + 1)
			} else {
				at = index_of(substr(word[i], 1, eq - 1))
				if (at < 0)
					complain(key, "has no argument " substr(word[i], 1, eq - 1))
				else
					a_spec[at + 1] = substr(word[i], eq + 1)
			}
		} else {
			complain(key, "cannot read " word[i])
		}
	}
}

function complain(key, text) {
	print "syscalls_rules.tbl:" where[key] ": " key ": " text > "/dev/stderr"
	failed = 1
}

# Half the size in the old calls of the 32-bit ABIs.
function time_bytes(type, old) {
	return (type ~ /^ITIMER/ ? 32 : 16) / (old ? 2 : 1)
}

# "TYPE, aux, set" of one argument
function argument(key, spec, old,    type, extra, aux, set, slash) {
	type = spec
	sub(/:.*/, "", type)
	extra = index(spec, ":") ? substr(spec, index(spec, ":") + 1) : ""
	type = toupper(type)
	if (!(type in known))
		complain(key, "unknown type " type)
	aux = 0
	set = "NULL"
	if (type ~ /^(BUF_IN|BUF_OUT|PATH_OUT|SOCKADDR_IN|SOCKADDR_OUT|IOVEC_IN|IOVEC_OUT|MMSGHDR_IN|MMSGHDR_OUT|POLLFDS|FDSET|EPOLL_EVENTS_OUT|OPT_IN|OPT_OUT)$/) {
		aux = index_of(extra)
		if (aux < 0) {
			complain(key, type " needs the argument of its length")
			aux = 0
		}
	} else if (type ~ /^(TIMESPEC|TIMEVAL|ITIMERSPEC|ITIMERVAL)/) {
		aux = time_bytes(type, old)
	} else {
		slash = index(extra, "/")
		if (slash) {
			aux = substr(extra, slash + 1) + 0
			extra = substr(extra, 1, slash - 1)
		} else if (type ~ /^SIGSET/) {
			aux = 8
		}
		if (extra != "")
			set = "\"" extra "\""
		if (type ~ /^(FLAGS|ENUM|STAT_OUT|STRUCT_IN|STRUCT_OUT)$/ && extra == "")
			complain(key, type " needs a name")
	}
	return type ", " aux ", " set
}

function joined(list, order, prefix,    n, name, i, text) {
	n = split(order, name, " ")
	for (i = 1; i <= n; i++)
		if (name[i] in list)
			text = text (text == "" ? "" : " | ") prefix name[i]
	for (i in list)
		if (index(" " order " ", " " i " ") == 0)
			complain(current, "unknown class or property " i)
	return text == "" ? "0" : text
}

# Works out the signature of a call in an ABI; returns its identifier, after writing it if it is new.
function signature(abi, nr, name,    key, base, target, line, i, old, args, text, id, entry, word) {
	delete props
	delete classes
	n_args = 0
	key = rule_name(name, abi)
	current = key
	used[key] = 1
	base = name
	if (key != "") {
		line = rule[key]
		split(line, word, /[ \t]+/)
		if (word[2] == "=") {
			# An alias: the metadata and the rules of the other name, then its own.
			target = word[3]
			key = target in rule ? target : ""
			used[key] = 1
			base = target
		}
	}
	if (base in in_kernel) {
		n_args = kernel_count[base]
		for (i = 1; i <= n_args; i++) {
			a_name[i] = kernel_arg[base, i]
			a_spec[i] = kernel_type[base, i]
		}
	}
	if (base in rule && key != base) {
		used[base] = 1
		split(rule[base], word, /[ \t]+/)
		if (word[2] == "=" && word[3] in rule)
			apply(rule[word[3]], word[3])
		apply(rule[base], base)
	}
	if (key != "")
		apply(rule[key], key)
	if (key == "" && !(base in in_kernel)) {
		print abi " " nr " " name ": no signature" > "/dev/stderr"
		failed = 1
		return "none"
	}
	if (key != "" && rule[key] !~ /\(/ && !(base in in_kernel) && rule[base] !~ /\(/) {
		complain(key, "neither the kernel's metadata nor this line have the arguments")
		return "none"
	}
	old = is_32(abi) && nr < 424 && name !~ /64$/
	for (i = 1; i <= n_args; i++) {
		text = argument(key, a_spec[i], old)
		args = args (i > 1 ? " " : "") "ARG(" a_name[i] ", " text ")"
		if (text ~ /^PATH(_OUT)?,/)
			classes["FILE"] = 1
		if (text ~ /^(FD|DIRFD|FDS_OUT),/ && !("NETWORK" in classes))
			classes["DESC"] = 1
		if (text ~ /^FDS_OUT,/)
			props["STATE"] = 1
		if (text ~ /^UNKNOWN,/)
			complain(key, name ": nothing known of argument " a_name[i])
	}
	if ("RETURNS_FD" in props) {
		props["STATE"] = 1
		if (!("NETWORK" in classes))
			classes["DESC"] = 1
	}
	entry = base in in_kernel ? base : name
	text = joined(classes, class_order, "SYSCALL_") ", " joined(props, prop_order, "SYSCALL_") ", " n_args \
	       (n_args ? ",\n\t" args : ",")
	# The first form of a call has its bare name, others that of the ABI that brought them.
	for (i = 0; i <= abi_count; i++) {
		id = base (i ? "_" abis[i] : "")
		if ((id in written) && written[id] == text)
			return id
	}
	id = base in written ? base "_" abi : base
	if (id in written)
		id = name "_" abi
	written[id] = text
	ids[++id_count] = id
	entry_of[id] = entry
	return id
}

BEGIN {
	abi_count = split("x86_64 i386 x32 arm64 arm riscv64", abis, " ")
	class_order = "FILE DESC NETWORK PROCESS MEMORY IPC SIGNAL TIME CLOCK CREDS STAT LSTAT FSTAT STATS STATFS FSTATFS STATFSS POLL FUTEX PURE"
	prop_order = "RETURNS_FD RETURNS_PID NEVER_RETURNS RETURNS_ADDRESS STATE BLOCKS CHANGES_DIR CLOSES_FD"
	n = split("UNKNOWN INT UINT LONG ULONG HEX PTR SIZE OFF FD DIRFD PATH STR STRV BUF_IN BUF_OUT PATH_OUT SOCKADDR_IN SOCKADDR_OUT FDS_OUT FLAGS ENUM MODE PID SIGNAL UID GID DEV TIMESPEC_IN TIMESPEC_OUT TIMEVAL_IN TIMEVAL_OUT ITIMERSPEC_IN ITIMERSPEC_OUT SIGSET_IN SIGSET_OUT SIGACTION_IN SIGACTION_OUT IOVEC_IN IOVEC_OUT MSGHDR_IN MSGHDR_OUT MMSGHDR_IN MMSGHDR_OUT POLLFDS FDSET EPOLL_EVENT_IN EPOLL_EVENTS_OUT STAT_OUT INT_OUT INT_IN STRUCT_IN STRUCT_OUT OFF_INOUT LOW HIGH PAD OPT_IN OPT_OUT ITIMERVAL_IN ITIMERVAL_OUT TIMESPEC_PAIR_IN TIMEVAL_PAIR_IN", word, " ")
	for (i = 1; i <= n; i++)
		known[word[i]] = 1
	license = "/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */\n"
}

END {
	numbers = out "/syscalls_numbers.def"
	signatures = out "/syscalls_signatures.def"
	print license "/* Made by syscalls_update.sh. NUMBER(abi, nr, name, signature); nr ascends within an ABI. */" > numbers
	for (i = 1; i <= abi_count; i++) {
		abi = abis[i]
		print "" > numbers
		for (nr = 0; nr <= highest[abi]; nr++) {
			if (!((abi, nr) in call))
				continue
			print "NUMBER(" toupper(abi) ", " nr ", " call[abi, nr] ", " signature(abi, nr, call[abi, nr]) ")" > numbers
		}
	}
	for (name in rule)
		if (!(name in used))
			complain(name, "no ABI has this call")
	print license "/*\n * Made by syscalls_update.sh.\n" \
		" * SIGNATURE(name, entry, classes, properties, argument count, ARG(name, type, aux, set)…)\n" \
		" * entry is what the kernel's metadata call it.\n */" > signatures
	for (i = 1; i <= id_count; i++)
		print "SIGNATURE(" ids[i] ", " entry_of[ids[i]] ", " written[ids[i]] ")" > signatures
	exit failed
}
