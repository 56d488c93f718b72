"""Names that other languages, other modules, and old habits use for things that Python calls differently."""

from __future__ import annotations

from collections.abc import Collection

_TABLE = """
push push_back pushBack add_last append_item appendleft enqueue: append put add
add: append put
append: add put
append_item add_item push_left pushLeft push_front pushFront add_first: append appendleft
push_all add_all addAll concat append_all: extend update
insert_at: insert
unshift prepend add_first: appendleft insert
shift dequeue poll: popleft pop get
delete_at remove_at removeAt: pop
delete erase unlink_file remove_file rm del: remove unlink pop discard
trim trimmed trim_end trim_start trimEnd trimStart trim_left trim_right chomp chop: strip rstrip lstrip
starts_with startsWith start_with begins_with has_prefix HasPrefix StartsWith: startswith
ends_with endsWith end_with has_suffix HasSuffix EndsWith: endswith
to_lower toLower toLowerCase to_lower_case downcase lower_case lowercase ToLower strtolower: lower
to_upper toUpper toUpperCase to_upper_case upcase upper_case uppercase ToUpper strtoupper: upper
capitalise ucfirst: capitalize
replace_all replaceAll gsub sub_all str_replace substitute ReplaceAll: replace sub
index_of indexOf last_index_of lastIndexOf IndexOf: index find rfind
includes contains has has_key hasKey contains_key containsKey exist: __contains__ exists
char_at charAt element_at get_at at: __getitem__
substring substr slice: __getitem__
split_lines splitLines lines get_lines each_line: splitlines readlines
explode tokenize: split
implode join_with: join
to_bytes toBytes get_bytes getBytes bytes byte_array to_utf8: encode
to_str to_s toString to_string ToString as_str as_string decode_utf8: decode isoformat __str__
is_digit isDigit is_numeric is_number isnumber is_int: isdigit isnumeric
is_alpha is_letter isLetter: isalpha
is_space is_blank is_whitespace isWhitespace: isspace
is_upper isUpper: isupper
is_lower isLower: islower
is_alnum is_alphanumeric: isalnum
pad_left pad_start padStart ljustify zero_fill: rjust zfill
pad_right pad_end padEnd: ljust
length size len count_of Length Count: __len__
is_empty isEmpty empty: __len__
reversed_copy: reverse
sorted sort_by order_by sortBy OrderBy: sort
for_each forEach each: __iter__
key_set keySet get_keys getKeys object_keys Keys: keys
value_set get_values getValues Values: values
entries entry_set entrySet pairs iteritems each_pair get_items: items
itervalues: values
iterkeys: keys
get_or_default getOrDefault get_or get_or_else fetch lookup: get
get_or_set get_or_insert put_if_absent putIfAbsent get_or_create set_default setDefault insert_default: setdefault
merge assign put_all putAll: update
put set_item: __setitem__
copy_of clone dup duplicate: copy deepcopy
clear_all remove_all removeAll: clear
make_dir create_dir mkdirs createDirectory create_directory make_directory ensure_dir: mkdir makedirs
mkdir_all mkdir_p make_dirs create_dirs MkdirAll: makedirs mkdir
listdir: iterdir
join: path
combine path_join: join
NotFound ObjectNotFound DoesntExist NoResult: DoesNotExist
parent: dirname
rmdir remove_folder delete_folder rm: rmtree
regex new_regex Regex RegExp pattern: compile
list_dir listdirs readdir read_dir ls list_files list dir: listdir iterdir
is_directory isDirectory is_dir isDir: isdir is_dir
is_file isFile is_regular: isfile is_file
file_exists fileExists path_exists exist is_exist: exists
file_name filename base_name fileName get_filename: basename name
dir_name dirName parent_dir directory: dirname parent
file_extension extension ext get_extension: splitext suffix
full_path absolute_path absolutePath to_absolute: abspath resolve absolute realpath
read_all readAll read_string readAsText get_text file_get_contents read_file readFile: read read_text
write_all write_string writeText write_file writeFile put_text: write write_text
read_line readLine next_line gets: readline
print_line write_line writeln println puts: write print
env environment get_environ environs: environ getenv
get_env getEnv env_get getenvironment: getenv
delete_file delete remove_file unlinkSync rm: remove unlink
remove_dir delete_dir remove_tree delete_tree rm_rf removedirs remove: rmtree rmdir
copy_file copyFile cp: copyfile copy copy2
copy_tree copy_dir cp_r: copytree
move_file mv rename_file: move rename
parse from_string from_json fromJSON decode unmarshal Unmarshal deserialize read_json json_decode from_str: loads
parse_file load_file read read_from from_file decode_file: load
stringify to_json toJSON encode marshal Marshal serialize to_string json_encode as_string: dumps
write write_to save to_file encode_file write_json: dump
find match_first first_match exec test: search match
find_all match_all matchAll FindAll find_each scan: findall finditer
full_match is_match matches: fullmatch match
replace gsub: sub
group_values: groups
get_logger logger getLog Logger LoggerFactory create_logger: getLogger
warn_ warning_ w: warning
err log_error: error
information notice: info
rand_int random_int randomInt randInt nextInt rand next_int int: randint
rand_float next_float nextDouble rand: random
pick choose random_choice any_of: choice choices
shuffled: shuffle
uuid random_uuid randomUUID new_uuid generate create new_v4 v4 uuid_v4 guid NewGuid random: uuid4
sha_256 SHA256 Sha256 sha2: sha256
sha_1 SHA1: sha1
MD5 md_5: md5
to_hex hex_digest toHex hex: hexdigest
decode_b64 decode base64_decode from_base64 b64_decode decode64 atob: b64decode
encode_b64 encode base64_encode to_base64 b64_encode encode64 btoa: b64encode
now_utc utc_now utcNow UtcNow current_utc: utcnow now
current current_time get_now current_date: now
today_date current_day: today
now current_time time_ms millis current_time_millis timestamp unix unix_time get_time epoch clock: time
to_timestamp get_time getTime unix_timestamp epoch_seconds to_unix: timestamp
parse_date from_format parse_time parse strp from_str: strptime
format_date format_time to_format format strf: strftime
from_iso from_iso_string parse_iso from_isoformat: fromisoformat
to_iso to_iso_string iso_format toISOString to_isoformat: isoformat
sleep_ms wait pause delay usleep: sleep
quit die terminate halt: exit
argv_list args arguments: argv
exec execute shell call_process spawn start_process system popen: run Popen call
get_output output exec_output capture run_output shell_exec: check_output
read_csv read open_csv csv_reader parse: reader
write_csv csv_writer: writer
DefaultDict defaultDict default_dict: defaultdict
orderedDict ordered_dict LinkedHashMap: OrderedDict
named_tuple NamedTuple: namedtuple
fetch download http_get request: get urlopen request
http_post send: post
url_encode urlEncode encode_url escape encode_component: quote urlencode quote_plus
url_decode decode_url unescape: unquote
url_parse parse_url parse: urlparse urlsplit
make_temp mktemp_dir temp_dir tmpdir: mkdtemp gettempdir
await_all all when_all: gather
reduce_left fold foldl: reduce
flatten flat: chain
min_by max_by: min max
pow power: pow
floor_div: floor
round_up ceiling: ceil
"""


_TABLE_OF_KNOWN = """
unicode basestring: str
unichr: chr
raw_input: input
xrange: range
long: int
null nil undefined nullptr: None
echo console: print
maxint: maxsize
letters: ascii_letters
uppercase: ascii_uppercase
lowercase: ascii_lowercase
encodestring: encodebytes
decodestring: decodebytes
getargspec: getfullargspec
squareroot square_root: sqrt
average avg: mean
write write_string: write_text
read: read_text
join: joinpath
exist_ok: exists
pushleft: appendleft
output out stdout_data: stdout
error: stderr
code exit_code status exitcode: returncode status_code
host: hostname
begin first: start
fmt: format
desc: description help
descr: description help
params: args
seperator separator delim: sep delimiter
dflt: default
nargs_count narg: nargs
clock: perf_counter
iteritems: items
message msg: args
newline_char: newline
directory folder: cwd dir path
env_vars environment: env
"""
"""Used only for values with fully known attributes: elsewhere these words have many meanings."""


def _read(table: str) -> dict[str, tuple[str, ...]]:
    synonyms: dict[str, list[str]] = {}
    for line in table.strip().splitlines():
        left, _, right = line.partition(": ")
        for word in left.split():
            synonyms.setdefault(word, []).extend(right.split())
    return {word: tuple(dict.fromkeys(names)) for word, names in synonyms.items()}


SYNONYMS = _read(_TABLE)
_OF_KNOWN = _read(_TABLE_OF_KNOWN)


def synonyms_of(word: str, names: Collection[str]) -> list[str]:
    """Return those of `names` that are called `word` elsewhere."""
    return [
        name for name in dict.fromkeys((*SYNONYMS.get(word, ()), *_OF_KNOWN.get(word, ()))) if name in names
    ]
