# Prints what it reads. Of each line that matches pattern the part from there on goes into file. With a name only the last
# such line does, after the name.
match($0, pattern) {
	figure = substr($0, RSTART)
	if (name == "")
		print figure >> file
}
{ print; fflush() }
END {
	if (name != "" && figure != "")
		print name, figure >> file
}
