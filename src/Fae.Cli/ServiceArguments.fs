/// Arguments of the verbs that stand at a line.
namespace Fae.Cli

open Argu

[<RequireQualifiedAccess>]
type WatchArgs =
    | [<MainCommand; Mandatory; Unique>] Folder of IN: string
    | [<Mandatory; Unique>] Model of RUN: string
    | [<Mandatory; Unique>] Out of DIR: string
    | [<Unique>] Move
    | [<Unique>] False_Alarm of RATE: float
    | [<Unique>] Mqtt of BROKER: string
    | [<Unique>] Mqtt_User of NAME: string
    | [<Unique>] Mqtt_Password_File of FILE: string
    | [<Unique>] Mqtt_Ca of FILE: string
    | [<Unique>] Mqtt_Certificate of FILE: string
    | [<Unique>] Mqtt_Client_Id of ID: string
    | [<Unique>] Mqtt_Status of TOPIC: string
    | [<Unique>] Journal_Megabytes of SIZE: float
    | [<Unique>] Settle of SECONDS: float
    | [<Unique>] Live of PORT: int
    | [<Unique>] Bind of ADDRESS: string
    | [<Unique>] Keys of FILE: string
    | [<Unique>] People of FILE: string
    | [<Unique>] Shifts of TIMES: string
    | [<Unique>] History of FILE: string
    | [<Unique>] Once
    | [<Unique>] Log of FORMAT: string
    | [<Unique>] Device of NAME: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Folder _ -> "the folder to watch, with the folders in it"
            | Model _ -> "a run's folder, or a model file"
            | Out _ -> "inspections.jsonl, a line for each picture, and the heatmaps go there"
            | Move -> "moves what was inspected into OUT/good, OUT/anomalous or OUT/unreadable"
            | False_Alarm _ -> "the rate of good pictures called anomalous, by the held-out good ones"
            | Mqtt _ -> "sends each line to an MQTT broker as well: HOST[:PORT]/TOPIC, or mqtts://HOST[:PORT]/TOPIC for TLS"
            | Mqtt_User _ -> "the user's name at the broker"
            | Mqtt_Password_File _ -> "a file whose first line is the password at the broker"
            | Mqtt_Ca _ -> "certificates (PEM) of the authorities that sign the broker's; else those of this machine"
            | Mqtt_Certificate _ -> "a certificate with its key (PEM) that this program shows to the broker"
            | Mqtt_Client_Id _ -> "this program's client id at the broker (a random one)"
            | Mqtt_Status _ -> "a topic that holds \"online\" or, by the last will, \"offline\""
            | Journal_Megabytes _ -> "inspections.jsonl is set aside under a name with the time when it gets larger (100)"
            | Settle _ -> "how long a file must have kept its size and time before it counts as written (0.5)"
            | Live _ -> "shows what is inspected on a page for operators, http://127.0.0.1:PORT/live (0: any port that is free)"
            | Bind _ -> "with --live: the address to listen at (127.0.0.1: this machine alone)"
            | Keys _ -> "with --live: API keys, as for fae serve"
            | People _ -> "with --live: people with passwords, as for fae serve"
            | Shifts _ -> "when shifts begin, local time, for the counts of the live page, like 6:00,14:00,22:00 (0:00)"
            | History _ -> "with --live: keeps what was inspected in this SQLite file, where people can mark verdicts that are wrong"
            | Log _ -> "messages as plain lines, as text with time and level, or as json, a line each (plain)"
            | Once -> "ends when everything that is there was inspected"
            | Device _ -> "auto, cpu, cuda or cuda:N"

[<RequireQualifiedAccess>]
type ServeArgs =
    | [<Mandatory; Unique>] Model of RUNS: string
    | [<Unique>] Port of N: int
    | [<Unique>] Bind of ADDRESS: string
    | [<Unique>] Keys of FILE: string
    | [<Unique>] People of FILE: string
    | [<Unique>] Shifts of TIMES: string
    | [<Unique>] Queue of N: int
    | [<Unique>] Batch of N: int
    | [<Unique>] History of FILE: string
    | [<Unique>] Keep of N: int
    | [<Unique>] Keep_Days of N: int
    | [<Unique>] Max_Megabytes of N: int
    | [<Unique>] Max_Megapixels of N: int
    | [<Unique>] Max_Memory of MEGABYTES: int
    | [<Unique>] Timeout of SECONDS: int
    | [<Unique>] Drain of SECONDS: int
    | [<Unique>] Certificate of FILE: string
    | [<Unique>] Certificate_Key of FILE: string
    | [<Unique>] Cors of ORIGINS: string
    | [<Unique>] Allow_Host of NAMES: string
    | [<Unique>] Path_Base of PATH: string
    | [<Unique>] Behind_Proxy
    | [<Unique>] Log of FORMAT: string
    | [<Unique>] Device of NAME: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Model _ -> "a run's folder or a model file, PATH or NAME=PATH, or several with commas between; the first one is the default"
            | Port _ -> "the port (8080; 0 for any that is free)"
            | Bind _ -> "the address to listen at (127.0.0.1: this machine alone)"
            | Keys _ -> "a file of lines HASH [NAME [ROLE]]: SHA-256 of an API key (printf %s KEY | sha256sum), role engineer or operator"
            | People _ -> "a file of lines NAME ROLE HASH, of people who sign in with a password; fae password makes them"
            | Shifts _ -> "when shifts begin, local time, for the counts of the live page, like 6:00,14:00,22:00 (0:00)"
            | Queue _ -> "pictures that may wait; requests beyond are answered 429 (64)"
            | Batch _ -> "pictures that the network gets at once, at most (8)"
            | History _ ->
                "keeps what was inspected in this SQLite file, where people can mark verdicts that are wrong; fae calibrate uses the marks"
            | Keep _ -> "inspections in the history, at most; marked ones stay (10000)"
            | Keep_Days _ -> "days that they are kept, at most; marked ones stay (90)"
            | Max_Megabytes _ -> "the largest body (32)"
            | Max_Megapixels _ -> "the largest picture (100)"
            | Max_Memory _ ->
                "reads a model's network for its first picture, and lets those go that were not used for the longest time while the "
                + "process holds more than so many megabytes (all stay)"
            | Timeout _ -> "seconds after which a request is given up (30)"
            | Drain _ -> "seconds in which /ready says 503 and requests are still answered, after the server was asked to stop (0)"
            | Certificate _ -> "serves over TLS: a certificate in PEM, with its key in the same file or in --certificate-key"
            | Certificate_Key _ -> "the certificate's private key, PEM"
            | Cors _ -> "other sites whose pages may use the server, like https://line.example, with commas between"
            | Allow_Host _ -> "names under which a server without keys may be asked besides localhost, with commas between"
            | Path_Base _ -> "the path under which a proxy serves it, like /fae"
            | Log _ -> "messages as plain lines, as text with time and level, or as json, a line each (plain)"
            | Behind_Proxy -> "believes a proxy on this machine who asked: X-Forwarded-For, -Proto and -Host"
            | Device _ -> "auto, cpu, cuda or cuda:N"

[<RequireQualifiedAccess>]
type StudioArgs =
    | [<Mandatory; Unique>] Home of DIR: string
    | [<Unique>] Port of N: int
    | [<Unique>] Bind of ADDRESS: string
    | [<Unique>] Keys of FILE: string
    | [<Unique>] People of FILE: string
    | [<Unique>] Shifts of TIMES: string
    | [<Unique>] Max_Memory of MEGABYTES: int
    | [<Unique>] Log of FORMAT: string
    | [<Unique>] Device of NAME: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Home _ -> "the folder of the projects; it is made"
            | Port _ -> "the port (8080; 0 for any that is free)"
            | Bind _ -> "the address to listen at (127.0.0.1: this machine alone)"
            | Keys _ -> "API keys, as for fae serve"
            | People _ -> "people with passwords, as for fae serve"
            | Shifts _ -> "when shifts begin, local time, for the counts of the live page, like 6:00,14:00,22:00 (0:00)"
            | Max_Memory _ -> "as for fae serve"
            | Log _ -> "messages as plain lines, as text with time and level, or as json, a line each (plain)"
            | Device _ -> "auto, cpu, cuda or cuda:N: where published models inspect"

[<RequireQualifiedAccess>]
type HealthArgs =
    | [<MainCommand; Mandatory; Unique>] Url of URL: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Url _ -> "the server's address, like http://127.0.0.1:8080"

[<RequireQualifiedAccess>]
type PasswordArgs =
    | [<MainCommand; Mandatory; Unique>] Name of NAME: string
    | [<Mandatory; Unique>] People of FILE: string
    | [<Unique>] Role of ROLE: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Name _ -> "who signs in"
            | People _ -> "the file of people; it is made, or their line in it is replaced"
            | Role _ -> "engineer or operator (operator)"

[<RequireQualifiedAccess>]
type CalibrateArgs =
    | [<Mandatory; Unique>] Model of RUN: string
    | [<Mandatory; Unique>] From of FILE: string
    | [<Unique>] False_Alarm of RATE: float
    | [<Unique>] Out of FILE: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Model _ -> "a run's folder, or a model file"
            | From _ -> "the history that fae serve kept, with what people marked"
            | False_Alarm _ -> "the rate of good pictures called anomalous (the model's own)"
            | Out _ -> "where the calibrated model goes (in the model's place; the old one stays beside it as previous.safetensors)"
